"""Check that a request's body is JSON and declared as JSON before its fields are read.

Powertools answers 500 to another media type, to a media type in capitals, to JSON that is not UTF-8 or nested too deeply
and to numbers of thousands of digits, although the client is to blame or nothing is wrong; so they are checked first. The
CSV import checks its file itself.
"""

import json
from base64 import b64decode
from http import HTTPStatus
from typing import Any

from api.problem import Problem, invalid
from scrapersky.errors import shorten

RECORDS_CSV_PATHS = frozenset(
    f"/{name}/csv" for name in ("place-searches", "domains", "places", "local-businesses", "sitemap-files", "pages")
)
CSV_PATHS = RECORDS_CSV_PATHS | {"/data-protection/suppress/csv"}
JSON = "application/json"


def media_type_of(content_type: str) -> str:
    """Return the media type of a Content-Type header, in lower case and without parameters (RFC 9110 §8.3.1)."""
    return content_type.partition(";")[0].strip().lower()


def checked(event: dict[str, Any]) -> dict[str, Any]:
    """Return ``event`` with its media type as Powertools expects it. Raises a 415 or a 422 for a body that is not JSON."""
    http = event["requestContext"]["http"]
    body = event.get("body")
    if http["method"] != "POST" or http["path"] in CSV_PATHS or not body:
        return event
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    media_type = media_type_of(headers.get("content-type", ""))
    if media_type not in ("", JSON):
        detail = f"media type {media_type!r} is not supported; send {JSON}"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, field="Content-Type")
    try:
        given = json.loads(b64decode(body).decode() if event.get("isBase64Encoded") else body)
    except RecursionError:
        raise invalid("body", "the JSON is nested too deeply") from None
    except ValueError as error:
        raise invalid("body", f"the body is not valid JSON in UTF-8: {error}") from None
    if not isinstance(given, dict):
        raise invalid("body", f"{shorten(json.dumps(given))} is not a JSON object")
    return {**event, "headers": {**headers, "content-type": media_type}} if media_type else event
