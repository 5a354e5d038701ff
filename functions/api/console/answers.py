"""Answers of the console: pages, static files, the headers of all of them, and which requests are accepted.

Warning: every title, reason and URL on a page is a stranger's text. The templates escape all values, which are also cut
and freed of control characters (:func:`shown`), and only :func:`link` makes a link to another site.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from uuid import uuid4

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from api.dependencies import caller_of, dependencies_of, event_of, require_route
from api.idempotency import HEADER
from api.problem import CONTENT_TYPE, Problem
from api.request_body import media_type_of
from scrapersky.status.explain import duration, instant

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

PREFIX = "/console/"
FORM = "application/x-www-form-urlencoded"
READ_ONLY = "x-console-read-only"
MAX_FORM_BYTES = 1_000_000
HERE = Path(__file__).parent
STATIC = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
PAGES = frozenset({"overview", "find", "errors", "leads", "curation", "audit", "settings"})
"""The pages that the header links."""
SHOWN = 300
"""Characters of a text that a page shows."""
LONG = 10_000
"""Characters of an attempt's detail."""
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
INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control and format characters, which could reorder or hide the text around them."""


def checked(app: Any, next_middleware: Any) -> Any:
    """Pass a request on to its route. Raises a 403 if it was authorised as another route, or sent from another site.

    Browsers state from where a form was sent. A request without that comes from a program, for which the API is made.
    """
    event = app.current_event
    require_route(app, f"{event.http_method} {PREFIX}")
    if event.http_method == "POST":
        if READ_ONLY in event.headers:
            raise Problem(HTTPStatus.FORBIDDEN, "the console was opened read-only; open it without --read-only to act")
        origin = urlsplit(event.headers.get("origin", "")).netloc
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
    headers.pop(HEADER.lower(), None)
    if key := next((value for name, value in fields_of(event) if name == "key"), None):
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


def parameters_of(router: Router) -> dict[str, str]:
    """Return the parameters of the query that are not empty; of several with one name the last."""
    return dict(parse_qsl(event_of(router).raw_event.get("rawQueryString") or ""))


def finished(event: Mapping[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Return ``answer`` with the headers of the console, and a problem document as a page."""
    headers = answer.get("headers") or {}
    content_type = headers.get("Content-Type") or (answer.get("multiValueHeaders") or {}).get("Content-Type", [""])[0]
    if content_type == CONTENT_TYPE:
        problem = json.loads(answer["body"])
        body = rendered(event, "problem.html", problem["title"], problem=problem)
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
    body = rendered(event_of(router).raw_event, template, title, **values)
    return Response(HTTPStatus.OK, content_type="text/html; charset=utf-8", body=body)


def rendered(event: Mapping[str, Any], template: str, title: str, **values: Any) -> str:
    """Return the HTML that ``template`` makes of ``values``, with links relative to the path of ``event``."""
    path = event["requestContext"]["http"]["path"].removeprefix(PREFIX)
    root = "../" * path.count("/") or "./"

    def url(*parts: object, **query: object) -> "Markup":
        """Return a link below the console's root. Parameters that are None are left out."""
        from markupsafe import Markup  # noqa: PLC0415

        given = {name: value for name, value in query.items() if value is not None}
        text = root + "/".join(quote(str(part), safe="") for part in parts) + (f"?{urlencode(given)}" if given else "")
        return Markup.escape(text)

    read_only = any(name.lower() == READ_ONLY for name in event.get("headers") or {})
    own = {"title": title, "url": url, "path": path, "read_only": read_only, "now": datetime.now(UTC)}
    blank = {"stage": "", "version": "", "caller": ""}
    return templates().get_template(template).render(**{**blank, **own, **values})


@cache
def templates() -> "Environment":
    """Return the environment of all templates."""
    # Only the console's routes need Jinja2, whose import would delay every cold start.
    import jinja2  # noqa: PLC0415
    from markupsafe import Markup  # noqa: PLC0415

    def link(value: object) -> object:
        """Return a link to a website; any other value as it is."""
        if not isinstance(value, str) or not re.match(r"https?://[^\s/]", value, re.IGNORECASE) or len(value) > 2_048:
            return value
        return Markup('<a href="{}" rel="noreferrer noopener nofollow" target="_blank">{}</a>').format(
            value, shown(value)
        )

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "link": link,
        "whole": Markup.escape,
        "ago": _ago,
        "duration": duration,
        "number": _number,
        "long": _long,
    }
    made.globals |= {"version_of": version_of, "pages": PAGES}
    return made


def shown(value: object) -> object:
    """Return ``value`` as a page shows it: texts cut, control characters replaced, times in UTC, None as a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if hasattr(value, "__html__") or isinstance(value, int):
        return value
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value[:10])) + (" …" if len(value) > 10 else "")
    elif isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False)
    text = str(value)
    return INVISIBLE.sub("\ufffd", text[:SHOWN] + ("…" if len(text) > SHOWN else ""))


def _ago(value: datetime | str | None) -> str:
    """Return how long ago, or in how long, a moment is."""
    if value is None:
        return "never"
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    seconds = (datetime.now(UTC) - moment).total_seconds()
    return f"{duration(seconds)} ago" if seconds >= 0 else f"in {duration(-seconds)}"


def _long(value: object) -> "Markup":
    """Return a value with all of its parts, cut to :data:`LONG` characters."""
    from markupsafe import Markup  # noqa: PLC0415

    text = json.dumps(value, ensure_ascii=False, indent=1)
    return Markup.escape(INVISIBLE.sub("\ufffd", text[:LONG] + ("…" if len(text) > LONG else "")))


def _number(value: int, cap: int | None = None) -> str:
    """Return a number with its thousands separated; ``cap`` marks the highest one that is counted."""
    return f"{cap:,}+" if cap is not None and value >= cap else f"{value:,}"


def static_file(name: str) -> Response[str]:
    """Return a static file, which its address names by its content. Raises a 404."""
    path = next((one for one in (HERE / "static").iterdir() if one.name == name and one.suffix in STATIC), None)
    if path is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no file {name!r}")
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(HTTPStatus.OK, content_type=STATIC[path.suffix], body=path.read_text(), headers=headers)


@cache
def version_of(name: str) -> str:
    """Return a text that changes with the content of a static file."""
    return hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]
