"""Attribution: which attempt a dead letter is about, even when its body is broken."""

import json
from collections.abc import Mapping
from typing import Any


def attempt_of(record: Mapping[str, Any]) -> int | None:
    """The attempt id of one SQS record: from the message attribute the sender sets, else from what the body still tells.

    None when nothing names one: then nobody's record is touched.
    """
    attribute = ((record.get("messageAttributes") or {}).get("attempt_id") or {}).get("stringValue")
    try:
        body = json.loads(record.get("body") or "")
    except ValueError:
        body = None
    told = body.get("attempt_id") if isinstance(body, dict) else None
    for candidate in (attribute, told):
        if isinstance(candidate, int | str) and not isinstance(candidate, bool) and str(candidate).isdecimal():
            number = int(candidate)
            if 0 < number < 2**63:
                return number
    return None
