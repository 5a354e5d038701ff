"""Cookies for the length of one chain of redirects: sites that set one and send their visitor round to see it are common.

RFC 6265 at its narrowest. Each cookie goes back to the very host that set it and to nobody else, whatever its ``Domain``
says, so that there is no public suffix to set one for. Expiry counts only where it deletes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import can_ada

from scrapersky.web.response import clean_header

MAX_COOKIES = 30
"""Kept in one chain; further ones are not."""

MAX_COOKIE_BYTES = 4_096
"""Of one ``Set-Cookie``; a longer one is not kept (RFC 6265 asks for no more)."""

MAX_HEADER_BYTES = 8_192
"""Of the ``Cookie`` that is sent: servers refuse longer ones."""


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
    """What the answers of one chain have set."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], _Cookie] = {}

    def take(self, target: can_ada.URL, lines: Iterable[str]) -> None:
        """Keeps, or deletes, what the ``Set-Cookie`` lines of an answer of ``target`` say."""
        for line in lines:
            pair, *rest = line.split(";", 20) if len(line) <= MAX_COOKIE_BYTES else [""]
            name, equals, value = (part.strip() for part in clean_header(pair).partition("="))
            said = {key.strip().lower(): text.strip() for key, _, text in (part.partition("=") for part in rest)}
            domain = said.get("domain", "").lower().removeprefix(".")
            if not equals or not name or (domain and not f".{target.hostname}".endswith(f".{domain}")):
                continue
            path = said.get("path", "")
            path = clean_header(path) if path.startswith("/") else target.pathname.rpartition("/")[0] or "/"
            key = (target.hostname, path, name)
            if _deletes(said):
                self._kept.pop(key, None)
            elif key in self._kept or len(self._kept) < MAX_COOKIES:
                self._kept[key] = _Cookie(*key, value, "secure" in said)

    def header_for(self, target: can_ada.URL) -> str:
        """The ``Cookie`` header of a request of ``target``, "" if nothing is to be sent."""
        header = ""
        for cookie in self._kept.values():
            longer = f"{header}; {cookie.name}={cookie.value}" if header else f"{cookie.name}={cookie.value}"
            if cookie.is_for(target) and len(longer.encode()) <= MAX_HEADER_BYTES:
                header = longer
        return header


def _deletes(said: Mapping[str, str]) -> bool:
    if age := said.get("max-age", ""):
        return age.startswith("-") or not age.strip("0")
    try:
        expires = parsedate_to_datetime(said.get("expires", ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        return False
    return expires.replace(tzinfo=expires.tzinfo or UTC) <= datetime.now(UTC)
