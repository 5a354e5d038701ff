"""Check that a request's body is JSON and declared as JSON before its fields are read.

Powertools answers 500 to another media type, to JSON nested too deeply and to numbers of thousands of digits, although
the client is to blame; so all three are checked first. The CSV import checks its file itself.
"""

import json
from base64 import b64decode
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from api.problem import Problem, invalid

CSV_PATHS = frozenset({"/domains/csv"})
JSON = "application/json"


def check(event: Mapping[str, Any]) -> None:
    """Raise a 415 or a 422 for a POST whose body cannot be read."""
    http = event["requestContext"]["http"]
    body = event.get("body")
    if http["method"] != "POST" or http["path"] in CSV_PATHS or not body:
        return
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    media_type = headers.get("content-type", "").partition(";")[0].strip()
    if media_type not in ("", JSON):
        detail = f"media type {media_type!r} is not supported; send {JSON}"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, field="Content-Type")
    try:
        json.loads(b64decode(body) if event.get("isBase64Encoded") else body)
    except RecursionError:
        raise invalid("body", "the JSON is nested too deeply") from None
    except ValueError as error:
        raise invalid("body", f"the body is not valid JSON: {error}") from None
