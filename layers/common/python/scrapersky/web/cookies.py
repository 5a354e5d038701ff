"""Cookies for the length of one chain of redirects. Many sites set a cookie and redirect to themselves to check it.

The narrowest reading of RFC 6265: a cookie goes back only to the host that set it, whatever its ``Domain`` says, so no
cookie can be set for a public suffix. An expiry counts only where it deletes the cookie.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import can_ada

from scrapersky.web.fetched import clean_header

MAX_COOKIES = 30
"""Cookies of one chain; further ones are dropped."""

MAX_COOKIE_BYTES = 4_096
"""Length of one ``Set-Cookie``; a longer one is dropped (RFC 6265 requires no more)."""

MAX_HEADER_BYTES = 8_192
"""Length of the ``Cookie`` header that is sent; servers reject longer ones."""


@dataclass(frozen=True)
class _Cookie:
    host: str
    path: str
    name: str
    value: str
    secure: bool

    def is_for(self, target: can_ada.URL) -> bool:
        return (
            self.host == target.hostname
            and (target.protocol == "https:" or not self.secure)
            and f"{target.pathname}/".startswith(f"{self.path.rstrip('/')}/")
        )


class ChainCookies:
    """The cookies that the answers of one chain have set."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], _Cookie] = {}

    def take(self, target: can_ada.URL, lines: Iterable[str]) -> None:
        """Store or delete the cookies in ``lines``, the ``Set-Cookie`` headers of an answer of ``target``."""
        for line in lines:
            pair, *rest = line.split(";", 20) if len(line) <= MAX_COOKIE_BYTES else [""]
            name, equals, value = (part.strip() for part in clean_header(pair).partition("="))
            attributes = {key.strip().lower(): text.strip() for key, _, text in (part.partition("=") for part in rest)}
            domain = attributes.get("domain", "").lower().removeprefix(".")
            if not equals or not name or (domain and not f".{target.hostname}".endswith(f".{domain}")):
                continue
            path = attributes.get("path", "")
            path = clean_header(path) if path.startswith("/") else target.pathname.rpartition("/")[0] or "/"
            key = (target.hostname, path, name)
            if _deletes(attributes):
                self._kept.pop(key, None)
            elif key in self._kept or len(self._kept) < MAX_COOKIES:
                self._kept[key] = _Cookie(*key, value, "secure" in attributes)

    def header_for(self, target: can_ada.URL) -> str:
        """Return the ``Cookie`` header for a request to ``target``; empty if there is no cookie for it."""
        header = ""
        for cookie in self._kept.values():
            longer = f"{header}; {cookie.name}={cookie.value}" if header else f"{cookie.name}={cookie.value}"
            if cookie.is_for(target) and len(longer.encode()) <= MAX_HEADER_BYTES:
                header = longer
        return header


def _deletes(attributes: Mapping[str, str]) -> bool:
    if age := attributes.get("max-age", ""):
        return age.startswith("-") or not age.strip("0")
    try:
        expires = parsedate_to_datetime(attributes.get("expires", ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        return False
    return expires.replace(tzinfo=expires.tzinfo or UTC) <= datetime.now(UTC)
