"""Answers that are no home page, though the server says so: challenges, parked domains, other media, nothing at all.

Each has a code of its own, and none is a success. Marks of a text count only on short pages: a plumber may write
"this domain is for sale" in a blog, and a contact form may show a captcha.
"""

import re

from domain_scheduler.html_page import HtmlPage
from domain_scheduler.notices import (
    CHALLENGE_SOURCES,
    CHALLENGE_TEXTS,
    FOR_SALE,
    PARKED_TEXTS,
    PARKING_HOSTS,
    PARKING_SOURCES,
    SENSORS,
    WHOLE_TEXTS,
)
from scrapersky.runtime.outcomes import Fail
from scrapersky.web.client import Fetched
from scrapersky.web.proxy import challenge_header

SHORT_TEXT = 1_500
"""Characters of visible text up to which a page may be nothing but a notice."""

FEW_LINKS = 5
"""Links that a challenge has at most; a small page of somebody's own has a menu, or a form to write to him."""

_STATUSES_OF_WALLS = frozenset((403, 405, 406, 429, 503))
_HTML_TYPES = frozenset(("text/html", "application/xhtml+xml"))
_UNSURE_TYPES = frozenset(
    ("", "text/plain", "application/octet-stream", "text/xml", "application/xml", "binary/octet-stream")
)
_LOOKS_LIKE_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|title|meta|div|script|table)[\s>]", re.IGNORECASE)
_OTHER_MEDIA = (
    b"%PDF-",
    b"\x89PNG",
    b"GIF8",
    b"\xff\xd8\xff",
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"RIFF",
    b"\x00\x00\x01\x00",
)


def refuse_challenge(fetched: Fetched) -> Fail | None:
    """A wall in front of the site that wants proof of a human, whatever status it is built with. Read before the status."""
    if name := challenge_header(fetched.headers):
        return Fail("captcha", f"{fetched.url} answered {fetched.status} with a challenge for humans ({name})")
    if fetched.status >= 400:
        start = fetched.body[:200_000].decode("utf-8", errors="replace")
        marks = (*CHALLENGE_SOURCES, *SENSORS) if fetched.status in _STATUSES_OF_WALLS else CHALLENGE_SOURCES
        if mark := _first(marks, start):
            return Fail("captcha", f"{fetched.url} answered {fetched.status} with a challenge for humans ({mark})")
    return None


def refuse_media(fetched: Fetched) -> Fail | None:
    """A body that is no HTML: by its type, or by its first bytes where the type is missing, vague or wrong."""
    media_type = fetched.headers.get("content-type", "").partition(";")[0].strip().lower()
    start = fetched.body[:1_024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.strip(b"\0"):
        return Fail("empty", f"{fetched.url} answered {fetched.status} with an empty body")
    if media_type in _HTML_TYPES:
        refused = start.startswith(_OTHER_MEDIA) or (start[:1] in b"{[" and not _LOOKS_LIKE_HTML.search(start))
    else:
        refused = media_type not in _UNSURE_TYPES or not _LOOKS_LIKE_HTML.search(_without_zeros(start))
    kind = media_type or "no content type"
    return Fail("not_html", f"{fetched.url} is not an HTML page ({kind}, begins {start[:20]!r})") if refused else None


def refuse_notice(page: HtmlPage, moved_to: str | None) -> Fail | None:
    """A page that is only a challenge or a parking place. ``moved_to`` is the host where redirects ended, if another."""
    said = f"{page.title or ''}\n{page.text}".lower() if len(page.text) <= SHORT_TEXT else None
    if said is not None and (mark := _challenge(page, said)):
        return Fail("captcha", f"{page.url} shows a challenge for humans instead of a page ({mark})")
    if parking := next((name for name in PARKING_HOSTS if f".{moved_to}".endswith(f".{name}")), None):
        return Fail("parked", f"{page.url} is where {parking} parks domains")
    if said is not None and (mark := _parking(page, said)):
        return Fail("parked", f"{page.url} is parked, or nobody's yet ({mark})")
    return None


def refuse_nothing(page: HtmlPage) -> Fail | None:
    """A page that neither says nor shows nor loads anything."""
    if page.text or page.title or page.description or not _is_bare(page):
        return None
    return Fail("empty", f"{page.url} is a page with nothing on it")


def _challenge(page: HtmlPage, said: str) -> str | None:
    sources = CHALLENGE_SOURCES if said.strip() else (*CHALLENGE_SOURCES, *SENSORS)
    if mark := _first(sources, page.source):
        return mark
    own = len(page.tree.css("a[href]")) > FEW_LINKS or page.tree.css_first("textarea") is not None
    return None if own else _first(CHALLENGE_TEXTS, said)


def _parking(page: HtmlPage, said: str) -> str | None:
    if page.text.lower() in WHOLE_TEXTS:
        return page.text
    for_sale = FOR_SALE.search(said)
    return _first(PARKING_SOURCES, page.source) or _first(PARKED_TEXTS, said) or (for_sale and for_sale[0])


def _first(marks: tuple[str, ...], text: str) -> str | None:
    return next((mark for mark in marks if mark in text), None)


def _is_bare(page: HtmlPage) -> bool:
    return page.tree.css_first("a[href], img[src], script[src], iframe[src], frame[src], object[data]") is None


def _without_zeros(start: bytes) -> bytes:
    """UTF-16 read as ASCII, near enough to find a tag in."""
    return start.replace(b"\0", b"")
