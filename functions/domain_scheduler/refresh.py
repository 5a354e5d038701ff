"""Where a home page sends its visitor by itself."""

import re

from domain_scheduler.html_page import HtmlPage
from scrapersky.web.urls import normalise_url

MAX_REFRESHES = 2
"""Times that a redirect inside of a page is followed."""

MAX_REFRESH_SECONDS = 10
"""A page that stays longer than this before it refreshes is a page of its own."""

MAX_TEXT_OF_A_DETOUR = 200
"""Characters that a page says when it is only there to send its visitor on by a script or to show another in a frame."""

_REFRESH = re.compile(r"\s*(\d{1,5})(?:\.\d*)?\s*[;,]\s*(?:url\s*=\s*)?[\"']?\s*([^\"'\s]+)", re.IGNORECASE)


_SCRIPT = re.compile(
    r"\blocation(?:\.href)?\s{0,9}=\s{0,9}[\"']([^\"'\s]{1,2000})[\"']\s{0,9}[;}\n<]"
    r"|\blocation\.(?:replace|assign)\(\s{0,9}[\"']([^\"'\s]{1,2000})[\"']\s{0,9}\)"
)


def refresh_target(page: HtmlPage) -> str | None:
    """Where ``page`` sends its visitor by itself and soon, if that is another page."""
    reference = _by_meta(page) or _by_script(page) or _by_frame(page)
    target = page.absolute(reference)
    return target if target != normalise_url(page.url) else None


def is_only_a_detour(page: HtmlPage) -> bool:
    """Whether ``page`` says too little to be there for anything but sending its visitor on."""
    return len(page.text) <= MAX_TEXT_OF_A_DETOUR


def _by_meta(page: HtmlPage) -> str | None:
    content = page.meta("http-equiv:refresh")
    found = _REFRESH.match(content) if content else None
    return found[2] if found and int(found[1]) <= MAX_REFRESH_SECONDS else None


def _by_script(page: HtmlPage) -> str | None:
    """As free hosts and parking places do it. A page made by scripts is another thing: it loads them."""
    if not is_only_a_detour(page) or page.tree.css_first("script[src], form, iframe") is not None:
        return None
    found = next((found for script in page.scripts("script") if (found := _SCRIPT.search(script[:10_000]))), None)
    return (found[1] or found[2]) if found else None


def _by_frame(page: HtmlPage) -> str | None:
    """The only frame of a page that is nothing else: how registrars forward a domain under its own name."""
    if not is_only_a_detour(page):
        return None
    frames = [frame["src"] for frame in page.elements("frame[src]") if frame["src"] not in ("", "about:blank")]
    return frames[0] if len(frames) == 1 else None
