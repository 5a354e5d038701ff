"""Answers of the console: pages, static files, the headers of all of them, and which requests are accepted.

Errors are pages, too: below :data:`PREFIX` a problem document becomes one.
"""

import base64
import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from api.dependencies import caller_of, dependencies_of, event_of, require_route
from api.idempotency import HEADER
from api.problem import CONTENT_TYPE, Problem, invalid
from api.request_body import media_type_of
from scrapersky.runtime.input_model import MAX_ID

PREFIX = "/console/"
FORM = "application/x-www-form-urlencoded"
READ_ONLY = "x-console-read-only"
MAX_FORM_BYTES = 1_000_000
MAX_FIELDS = 10_000
"""Fields of a form: all records that one request may move, and more than a page has."""
HERE = Path(__file__).parent
STATIC = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # With no-referrer, browsers would send "Origin: null" with the console's own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def checked(app: Any, next_middleware: Any) -> Any:
    """Pass a request on to its route. Raises a 403 if it was authorised as another route, or sent from another site.

    Browsers state from where a form was sent. A request without that comes from a program, for which the API is made.
    """
    event = app.current_event
    require_route(app, f"{event.http_method} {PREFIX}")
    if event.http_method == "POST":
        if READ_ONLY in event.headers:
            raise Problem(HTTPStatus.FORBIDDEN, "the console was opened read-only; open it without --read-only to act")
        origin = event.headers.get("origin", "").partition("://")[2]
        known = "same-origin" if origin and origin == event.headers.get("host") else origin
        site = event.headers.get("sec-fetch-site", known)
        if site != "same-origin":
            raise Problem(HTTPStatus.FORBIDDEN, f"sent from {site or 'no page'!r}; valid: forms of the console's pages")
    return next_middleware(app)


ROUTE: dict[str, Any] = {"include_in_schema": False, "enable_validation": False, "middlewares": [checked]}
"""What every route of the console is declared with."""


def prepared(event: dict[str, Any]) -> dict[str, Any]:
    """Return ``event`` with the key of its form as the header Idempotency-Key. Raises a 415 or 413 for what is no form."""
    if event["requestContext"]["http"]["method"] != "POST":
        return event
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    media_type = media_type_of(headers.get("content-type", ""))
    if media_type != FORM:
        detail = f"media type {media_type!r} is not supported; send {FORM}"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, field="Content-Type")
    if len(event.get("body") or "") > MAX_FORM_BYTES:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the form is longer than {MAX_FORM_BYTES:,} bytes")
    if len(fields := fields_of(event)) > MAX_FIELDS:
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the form has more than {MAX_FIELDS:,} fields")
    headers.pop(HEADER.lower(), None)
    if key := next((value for name, value in fields if name == "key"), None):
        headers[HEADER.lower()] = key
    return {**event, "headers": headers}


def fields_of(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the fields of a form that are not empty."""
    body = event.get("body") or ""
    text = base64.b64decode(body).decode(errors="replace") if event.get("isBase64Encoded") else body
    return parse_qsl(text)


def form_of(router: Router) -> dict[str, str]:
    """Return the fields of the form that are not empty; of several with one name the last."""
    return dict(fields_of(event_of(router).raw_event))


def parameters_of(router: Router, *valid: str) -> dict[str, str]:
    """Return the parameters of the query that are not empty; of several with one name the last.

    Raises a 422 for one that is not ``valid``, if any are named.
    """
    given = dict(parse_qsl(event_of(router).raw_event.get("rawQueryString") or ""))
    if valid and (unknown := min(given.keys() - set(valid), default=None)):
        raise invalid(unknown, f"unknown parameter {unknown[:50]!r}; valid parameters: {', '.join(valid)}")
    return given


def id_in(text: str) -> int | None:
    """Return the id that ``text`` states, None if Postgres has no such id."""
    return int(text) if re.fullmatch("[0-9]{1,19}", text) and int(text) <= MAX_ID else None


def is_about(event: Mapping[str, Any]) -> bool:
    """Return whether a request is one of the console."""
    path: str = event["requestContext"]["http"]["path"]
    return path.startswith(PREFIX)


def finished(event: Mapping[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Return the ``answer`` to a request of the console with its headers, and a problem document as a page."""
    if not is_about(event):
        return answer
    headers = answer.get("headers") or {}
    content_type = headers.get("Content-Type") or (answer.get("multiValueHeaders") or {}).get("Content-Type", [""])[0]
    if content_type == CONTENT_TYPE:
        problem = json.loads(answer["body"])
        body = _rendered(event, "problem.html", problem["title"], problem=problem)
        headers = headers | {"Content-Type": "text/html; charset=utf-8"}
        answer = {**answer, "body": body, "isBase64Encoded": False}
    # A redirect has no body. The emulated AWS cannot pass on None.
    return {**answer, "headers": HEADERS | headers, "body": answer.get("body") or ""}


def page(router: Router, template: str, title: str, **values: Any) -> Response[str]:
    """Return the page that ``template`` makes of ``values``."""
    settings = dependencies_of(router).settings
    values |= {
        "stage": settings.stage,
        "version": router.lambda_context.function_version,
        "caller": caller_of(router).removeprefix("api:"),
        "key": str(uuid4()),
        "query": parameters_of(router),
    }
    body = _rendered(event_of(router).raw_event, template, title, **values)
    return Response(HTTPStatus.OK, content_type="text/html; charset=utf-8", body=body)


def _rendered(event: Mapping[str, Any], template: str, title: str, **values: Any) -> str:
    # Only the console's routes need Jinja2, whose import would delay every cold start.
    from api.console.rendering import rendered  # noqa: PLC0415

    path = event["requestContext"]["http"]["path"].removeprefix(PREFIX)
    read_only = any(name.lower() == READ_ONLY for name in event.get("headers") or {})
    blank = {"stage": "", "version": "", "caller": ""}
    own = {"title": title, "path": path, "read_only": read_only}
    return rendered(template, "../" * path.count("/") or "./", {**blank, **own, **values})


def static_file(name: str) -> Response[str]:
    """Return a static file, which its address names by its content. Raises a 404."""
    path = next((one for one in (HERE / "static").iterdir() if one.name == name and one.suffix in STATIC), None)
    if path is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no file {name!r}")
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(HTTPStatus.OK, content_type=STATIC[path.suffix], body=path.read_text(), headers=headers)
