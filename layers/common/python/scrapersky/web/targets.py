"""Which url a request may go to, first and after each redirect: parsed once, and judged before anything is looked up."""

import re
from collections.abc import Mapping

import can_ada

from scrapersky.errors import FetchRefused
from scrapersky.settings import Settings
from scrapersky.web.failures import shown_url
from scrapersky.web.urls import parse_url, port_of

_REDIRECTS = {301, 302, 303, 307, 308}
_LITERAL = re.compile(r"\[.*\]|[0-9.]+")


class Targets:
    """The urls that the settings admit. What an admitted name resolves to is judged when it is dialled."""

    def __init__(self, settings: Settings) -> None:
        self._max_length = settings.web_max_url_length
        self._max_redirects = settings.web_max_redirects
        self._ports = settings.ports
        self._names_only = settings.web_loopback_internet is not None

    def first(self, url: str) -> can_ada.URL:
        """``url`` as it will be requested. Raises :class:`FetchError`: invalid_url, blocked_address."""
        target = parse_url(url, max_length=self._max_length)
        if target is None:
            raise FetchRefused("invalid_url", f"{shown_url(url)!a} is no http(s) url that a crawler may fetch")
        return self._admitted(target, "invalid_url")

    def following(
        self, target: can_ada.URL, status: int, headers: Mapping[str, str], followed: int
    ) -> can_ada.URL | None:
        """Where an answer of ``target`` redirects to after ``followed`` redirects, or None if it does not.

        Raises :class:`FetchError`: bad_redirect, too_many_redirects, blocked_address.
        """
        if status not in _REDIRECTS:
            return None
        location = headers.get("Location")
        if not location:
            raise FetchRefused("bad_redirect", f"{shown_url(target.href)} answered {status} without a Location")
        if followed >= self._max_redirects:
            raise FetchRefused("too_many_redirects", f"{shown_url(target.href)} redirects after {followed} redirects")
        following = parse_url(_percent_encoded(location), target.href, max_length=self._max_length)
        if following is None:
            where = f"{shown_url(location)!a}, which is no http(s) url that a crawler may fetch"
            raise FetchRefused("bad_redirect", f"{shown_url(target.href)} redirects to {where}")
        return self._admitted(following, "bad_redirect")

    def _admitted(self, target: can_ada.URL, code: str) -> can_ada.URL:
        port = port_of(target)
        if port not in self._ports:
            admitted = ", ".join(map(str, sorted(self._ports)))
            raise FetchRefused(code, f"{shown_url(target.href)} is on port {port}; a crawler dials {admitted} only")
        if self._names_only and _LITERAL.fullmatch(target.hostname):
            where = "is an address; the loopback internet has names only"
            raise FetchRefused("blocked_address", f"{shown_url(target.href)} {where}")
        return target


def _percent_encoded(location: str) -> str:
    """``location`` with the bytes that were no UTF-8 (lone surrogates in aiohttp's text) as %XX."""
    return re.sub("[\udc80-\udcff]", lambda byte: f"%{ord(byte[0]) - 0xDC00:02X}", location)
