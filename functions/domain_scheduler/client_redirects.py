"""Redirects inside a page: by a meta element, by a script, or by a single frame."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from scrapersky.web.urls import normalise_url

if TYPE_CHECKING:
    from scrapersky.extraction.page import HtmlPage  # not imported in the worker, which parses no page

MAX_REDIRECTS = 2
"""Redirects inside pages that are followed for one domain."""

MAX_SECONDS = 10
"""A page that is shown longer than this before it refreshes is read itself."""

MAX_INTERSTITIAL_TEXT = 200
"""Characters of visible text up to which a page may be an interstitial."""

_REFRESH = re.compile(r"\s*(?:(\d{1,9})[\d.]{0,99}|\.[\d.]{0,99})(?:\s*[;,]\s*|\s+|\Z)(.*)", re.DOTALL)
_URL = re.compile(r"url\s*=\s*", re.IGNORECASE)
_SCRIPT = re.compile(
    r"\blocation(?:\.href)?\s{0,9}=\s{0,9}[\"']([^\"'\s]{1,2000})[\"']\s{0,9}[;}\n<]"
    r"|\blocation\.(?:replace|assign)\(\s{0,9}[\"']([^\"'\s]{1,2000})[\"']\s{0,9}\)"
)


def redirect_target(page: "HtmlPage", header: str = "") -> str | None:
    """Return the URL of another page to which ``page`` soon sends its visitor, or None.

    ``header`` is the response's ``Refresh``, which browsers obey as they obey the meta element.
    """
    target = page.absolute(_by_refresh([header, *page.refreshes]) or _by_script(page) or _by_frame(page))
    return target if target != normalise_url(page.url) else None


def is_interstitial(page: "HtmlPage") -> bool:
    """Return whether ``page`` has so little text that its only purpose may be the redirect."""
    return len(page.text) <= MAX_INTERSTITIAL_TEXT


def _by_refresh(contents: Sequence[str]) -> str | None:
    """Return the target of the first of ``contents`` that is a refresh, if it comes soon and leads elsewhere.

    As https://html.spec.whatwg.org/#shared-declarative-refresh-steps: an unquoted URL may contain blanks and quotes.
    """
    found = next((found for content in contents if (found := _REFRESH.match(content[:8_192]))), None)
    if found is None or int(found[1] or 0) > MAX_SECONDS:
        return None
    prefix = _URL.match(found[2])
    url = found[2][prefix.end() :] if prefix else found[2]
    if url[:1] in ("'", '"'):
        url = url[1:].partition(url[0])[0]
    return url.strip() or None


def _by_script(page: "HtmlPage") -> str | None:
    """Return the target of an inline script, as free hosts and parking services use it.

    A page that loads scripts, or has a form or a frame, is an application: it may leave itself for other reasons.
    """
    if not is_interstitial(page) or page.tree.css_first("script[src], form, iframe") is not None:
        return None
    found = next((found for script in page.scripts("script") if (found := _SCRIPT.search(script[:10_000]))), None)
    return (found[1] or found[2]) if found else None


def _by_frame(page: "HtmlPage") -> str | None:
    """Return the only frame of a page without text: registrars forward a domain under its own name like this."""
    if not is_interstitial(page):
        return None
    frames = [frame["src"] for frame in page.elements("frame[src]") if frame["src"] not in ("", "about:blank")]
    return frames[0] if len(frames) == 1 else None
