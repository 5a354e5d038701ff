"""Answers other than a page that may be read: bot challenges, parked domains, other media, blank pages, opt-outs.

Each has an error code of its own. Markers in the text count on short pages only: a long page may mention them, as a
blog post that says "this domain is for sale", or show a captcha in its contact form.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scrapersky.extraction.challenge_markers import (
    CHALLENGE_SENSORS,
    CHALLENGE_SOURCES,
    CHALLENGE_TEXTS,
    FOR_SALE,
    PARKED_TEXTS,
    PARKING_HOSTS,
    PARKING_SOURCES,
    PLACEHOLDER_PAGES,
)
from scrapersky.web.fetched import Fetched, challenge_header

if TYPE_CHECKING:
    from scrapersky.extraction.page import HtmlPage  # not imported in the worker, which parses no page

SHORT_TEXT = 1_500
"""Characters of visible text up to which markers in the text count."""

FEW_LINKS = 5
"""Most links of a challenge page. A real small page has a menu or a contact form."""

_CHALLENGE_STATUSES = frozenset((403, 405, 406, 429, 503))
_HTML_TYPES = frozenset(("text/html", "application/xhtml+xml"))
_VAGUE_TYPES = frozenset(
    ("", "text/plain", "application/octet-stream", "text/xml", "application/xml", "binary/octet-stream")
)
_WITH_VALUE = frozenset(("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"))
"""Directives of X-Robots-Tag with a value. Any other name before a colon is a crawler's."""
_MEDIA_TYPE = re.compile(r"[\w!#$%&'*+.^`|~-]+/[\w!#$%&'*+.^`|~-]+", re.ASCII)
_UNKNOWN_TYPES = frozenset(("*/*", "unknown/unknown", "application/unknown"))
_LOOKS_LIKE_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|title|meta|div|script|table)[\s>]", re.IGNORECASE)
_OTHER_MEDIA = (
    b"%PDF-", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"PK\x03\x04", b"\x1f\x8b", b"RIFF", b"\x00\x00\x01\x00",
)  # fmt: skip


@dataclass(frozen=True)
class Rejection:
    """Why an answer is not the home page: the error code and the reason of the record."""

    code: str
    reason: str


def reject_answer(fetched: Fetched) -> Rejection | None:
    """Return why ``fetched`` is no HTML page: ``captcha``, ``not_html`` or ``empty``. Raises the FetchError of its status."""
    if rejection := reject_challenge(fetched):
        return rejection
    fetched.raise_for_status()
    return reject_non_html(fetched)


def reject_challenge(fetched: Fetched) -> Rejection | None:
    """Return ``captcha`` for a bot challenge that its header or its error page reveals.

    To be called before the status is checked: challenges use several statuses.
    """
    if name := challenge_header(fetched.headers):
        return Rejection("captcha", f"{fetched.url} answered {fetched.status} with a bot challenge ({name})")
    if fetched.status >= 400:
        start = fetched.body[:200_000].decode("utf-8", errors="replace")
        is_typical = fetched.status in _CHALLENGE_STATUSES
        if marker := _first((*CHALLENGE_SOURCES, *CHALLENGE_SENSORS) if is_typical else CHALLENGE_SOURCES, start):
            return Rejection("captcha", f"{fetched.url} answered {fetched.status} with a bot challenge ({marker})")
    return None


def reject_non_html(fetched: Fetched) -> Rejection | None:
    """Return ``not_html`` or ``empty`` by the media type, or by the first bytes where the type is vague or wrong."""
    media_type = _media_type(fetched.headers.get("content-type", ""))
    start = fetched.body[:1_024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.strip(b"\0"):
        if "refresh" in fetched.headers:
            return None  # the header may lead to the page
        return Rejection("empty", f"{fetched.url} answered {fetched.status} with an empty body")
    if media_type in _HTML_TYPES:
        is_other = start.startswith(_OTHER_MEDIA) or (start[:1] in b"{[" and not _LOOKS_LIKE_HTML.search(start))
    else:
        without_zeros = start.replace(b"\0", b"")  # makes UTF-16 readable as ASCII
        is_other = media_type not in _VAGUE_TYPES or not _LOOKS_LIKE_HTML.search(without_zeros)
    kind = media_type or "no content type"
    return (
        Rejection("not_html", f"{fetched.url} is not an HTML page ({kind}, begins {start[:20]!r})")
        if is_other
        else None
    )


def _media_type(content_type: str) -> str:
    """Return the last valid media type of a Content-Type header, or of several that were joined; else nothing.

    Source: https://fetch.spec.whatwg.org/#concept-header-extract-mime-type; ``*/*`` and the types that mean "unknown"
    (https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type) count as none.
    """
    types = (part.partition(";")[0].strip().lower() for part in content_type.split(","))
    valid = [name for name in types if _MEDIA_TYPE.fullmatch(name) and name not in _UNKNOWN_TYPES]
    return valid[-1] if valid else ""


def reject_challenge_or_parking(page: "HtmlPage", moved_to: str | None) -> Rejection | None:
    """Return ``captcha`` or ``parked`` if ``page`` is only that.

    ``moved_to`` is the host that redirects led to, if any.
    """
    text = f"{page.title or ''}\n{page.text}".lower() if len(page.text) <= SHORT_TEXT else None
    if text is not None and (marker := _challenge_marker(page, text)):
        return Rejection("captcha", f"{page.url} shows a bot challenge instead of a page ({marker})")
    if service := next((host for host in PARKING_HOSTS if f".{moved_to}".endswith(f".{host}")), None):
        return Rejection("parked", f"{page.url} redirects to {service}, which parks domains")
    if text is not None and (marker := _parking_marker(page, text)):
        return Rejection("parked", f"{page.url} is parked or not set up yet ({marker})")
    return None


def reject_opt_out(
    page: "HtmlPage", headers: Mapping[str, str], honoured: Collection[str], agent: str
) -> Rejection | None:
    """Return ``noindex``, ``noai`` or ``tdm_reservation`` if ``page`` says so and the signal is ``honoured``.

    ``agent`` is the product token of this crawler. Sources: https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag,
    https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/
    """
    found = {"noindex" if one == "none" else one for one in robots_directives(page, headers, agent)}
    if "1" in (headers.get("tdm-reservation", "").strip(), (page.meta("tdm-reservation") or "").strip()):
        found.add("tdm-reservation")
    signal = next((one for one in honoured if one in found), None)
    return Rejection(signal.replace("-", "_"), f"{page.url} opts out of being read by {signal}") if signal else None


def robots_directives(page: "HtmlPage", headers: Mapping[str, str], agent: str) -> list[str]:
    """Return the directives, in lower case, of the robots meta elements and of ``X-Robots-Tag`` that apply to ``agent``."""
    metas = (*page.metas.get("robots", ()), *page.metas.get(agent.lower(), ()))
    directives = [one.strip() for content in metas for one in content.lower().split(",")]
    applies = True
    for part in headers.get("x-robots-tag", "").lower().split(","):
        name, colon, value = part.strip().partition(":")
        if colon and name not in _WITH_VALUE:
            applies, part = name == agent.lower(), value  # noqa: PLW2901
        if applies:
            directives.append(part.strip())
    return [one for one in directives if one]


def reject_blank(page: "HtmlPage") -> Rejection | None:
    """Return ``empty`` for a page without any text, link, image, script or frame."""
    if page.text or page.title or page.description:
        return None
    if page.tree.css_first("a[href], img[src], script[src], iframe[src], frame[src], object[data]") is not None:
        return None
    return Rejection("empty", f"{page.url} is a blank page")


def _challenge_marker(page: "HtmlPage", text: str) -> str | None:
    sources = CHALLENGE_SOURCES if text.strip() else (*CHALLENGE_SOURCES, *CHALLENGE_SENSORS)
    if marker := _first(sources, page.source):
        return marker
    is_real = len(page.tree.css("a[href]")) > FEW_LINKS or page.tree.css_first("textarea") is not None
    return None if is_real else _first(CHALLENGE_TEXTS, text)


def _parking_marker(page: "HtmlPage", text: str) -> str | None:
    if page.text.lower() in PLACEHOLDER_PAGES:
        return page.text
    for_sale = FOR_SALE.search(text)
    return _first(PARKING_SOURCES, page.source) or _first(PARKED_TEXTS, text) or (for_sale and for_sale[0])


def _first(markers: tuple[str, ...], text: str) -> str | None:
    return next((marker for marker in markers if marker in text), None)
