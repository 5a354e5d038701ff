"""Answers that are no home page, though the server says so: challenges, parked domains, other media, nothing at all.

Each has a code of its own, and none is a success. Marks of a text count only on short pages: a plumber may write
"this domain is for sale" in a blog, and a contact form may show a captcha.
"""

import re

from domain_scheduler.html_page import HtmlPage
from scrapersky.service.outcomes import Fail
from scrapersky.web.client import Fetched

SHORT_TEXT = 1_500
"""Characters of visible text up to which a page may be nothing but a notice."""

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

_CHALLENGE_HEADERS = ("cf-mitigated", "x-amzn-waf-action", "x-vercel-mitigated")
_CHALLENGE_SOURCES = (
    "/cdn-cgi/challenge-platform/h/",
    "window._cf_chl_opt",
    "/_Incapsula_Resource?",
    "geo.captcha-delivery.com",
    "ct.captcha-delivery.com",
    "window._pxAppId",
    "/.well-known/sgcaptcha/",
    "sucuri_cloudproxy_js",
    "window.gokuProps",
    "token.awswaf.com",
    "/.well-known/ddos-guard/",
    "/.within.website/x/cmd/anubis/",
)
_CHALLENGE_TEXTS = (
    "checking your browser before",
    "verify you are human",
    "verifying you are human",
    "verify that you are not a robot",
    "please complete the security check",
    "pardon our interruption",
    "attention required! | cloudflare",
    "one more step",
    "enable javascript and cookies to continue",
    "making sure you're not a bot",
    "vercel security checkpoint",
    "ddos protection by",
    "unusual traffic from your",
)

_PARKING_HOSTS = (
    "sedoparking.com",
    "sedo.com",
    "hugedomains.com",
    "dan.com",
    "afternic.com",
    "parkingcrew.net",
    "bodis.com",
    "above.com",
    "parklogic.com",
    "domainmarket.com",
    "undeveloped.com",
    "buydomains.com",
    "brandbucket.com",
    "squadhelp.com",
    "atom.com",
    "sav.com",
    "namebright.com",
    "parking.godaddy.com",
    "forsale.godaddy.com",
)
_PARKING_SOURCES = (
    "data-adblockkey=",
    "sedoparking.com",
    "parkingcrew.net",
    "parklogic.com",
    "d1lxhc4jvstzrp.cloudfront.net",
    "img1.wsimg.com/parking-lander",
    "window.LANDER_SYSTEM",
    "bodis.com/",
    "cdn.hugedomains.com",
)
_PARKED_TEXTS = (
    "domain is for sale",
    "domain name is for sale",
    "this domain is parked",
    "domain is parked",
    "parked free, courtesy of",
    "this domain may be for sale",
    "buy this domain",
    "domain has been registered",
    "domain has expired",
    "domain parking",
    "diese domain steht zum verkauf",
    "diese domain ist geparkt",
    "este dominio está a la venta",
    "ce domaine est à vendre",
    "account suspended",
    "this account has been suspended",
    "welcome to nginx",
    "apache2 ubuntu default page",
    "apache2 debian default page",
    "apache http server test page",
    "test page for the apache http server",
    "test page for the nginx http server",
    "iis windows server",
    "this is the default web page for this server",
    "default web site page",
    "web server's default page",
    "domain default page",
    "future home of something quite cool",
)


def refuse_challenge(fetched: Fetched) -> Fail | None:
    """A wall in front of the site that wants proof of a human, whatever status it is built with. Read before the status."""
    for name in _CHALLENGE_HEADERS:
        if fetched.headers.get(name, "").lower() in {"challenge", "captcha", "deny"}:
            return Fail("captcha", f"{fetched.url} answered {fetched.status} with a challenge for humans ({name})")
    if fetched.status >= 400:
        start = fetched.body[:200_000].decode("utf-8", errors="replace")
        if mark := next((mark for mark in _CHALLENGE_SOURCES if mark in start), None):
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
    short = len(page.text) <= SHORT_TEXT
    said = f"{page.title or ''}\n{page.text}".lower()
    if mark := _mark(page.source, _CHALLENGE_SOURCES, said, _CHALLENGE_TEXTS) if short else None:
        return Fail("captcha", f"{page.url} shows a challenge for humans instead of a page ({mark})")
    if parking := next((name for name in _PARKING_HOSTS if f".{moved_to}".endswith(f".{name}")), None):
        return Fail("parked", f"{page.url} is where {parking} parks domains")
    if mark := _mark(page.source, _PARKING_SOURCES, said, _PARKED_TEXTS) if short else None:
        return Fail("parked", f"{page.url} is parked, or nobody's yet ({mark})")
    return None


def refuse_nothing(page: HtmlPage) -> Fail | None:
    """A page that neither says nor shows nor loads anything."""
    if page.text or page.title or page.meta("description", "og:description") or not _is_bare(page):
        return None
    return Fail("empty", f"{page.url} is a page with nothing on it")


def _mark(source: str, source_marks: tuple[str, ...], said: str, said_marks: tuple[str, ...]) -> str | None:
    in_source = (mark for mark in source_marks if mark in source)
    return next(in_source, None) or next((mark for mark in said_marks if mark in said), None)


def _is_bare(page: HtmlPage) -> bool:
    return page.tree.css_first("a[href], img[src], script[src], iframe[src], frame[src], object[data]") is None


def _without_zeros(start: bytes) -> bytes:
    """UTF-16 read as ASCII, near enough to find a tag in."""
    return start.replace(b"\0", b"")
