"""What a request's body must be before anybody reads its fields: JSON, and said to be JSON.

Powertools fails on other media types, on JSON nested too deeply and on numbers with thousands of digits, where the client
is to blame; so all three are looked for first. The CSV import looks at its file itself.
"""

import json
from base64 import b64decode
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from api.problem import Problem, invalid

CSV_PATHS = frozenset({"/domains/csv"})
JSON = "application/json"


def refuse(event: Mapping[str, Any]) -> None:
    """Raises a 415 or a 422 for a POST whose body cannot be read."""
    http = event["requestContext"]["http"]
    body = event.get("body")
    if http["method"] != "POST" or http["path"] in CSV_PATHS or not body:
        return
    media_type = _header(event, "content-type").partition(";")[0].strip()
    if media_type not in ("", JSON):
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"{media_type!r} is not read here; {JSON} is right", field="Content-Type"
        )
    try:
        json.loads(b64decode(body) if event.get("isBase64Encoded") else body)
    except RecursionError:
        raise invalid("body", "the JSON is nested too deeply") from None
    except ValueError as error:
        raise invalid("body", f"the body is no JSON: {error}") from None


def _header(event: Mapping[str, Any], wanted: str) -> str:
    return next((value for name, value in (event.get("headers") or {}).items() if name.lower() == wanted), "")
