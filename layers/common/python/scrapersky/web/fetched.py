"""An answer that was read whole, as plain values. The child process that reads pages imports this and no web client."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from scrapersky.errors import FetchError, FetchFailed, FetchRefused, shorten

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CHALLENGE_HEADERS = ("cf-mitigated", "x-amzn-waf-action", "x-vercel-mitigated")
_CHALLENGES = frozenset(("challenge", "captcha", "deny"))
_TRANSIENT_STATUSES = frozenset((408, 425, 429))


class Headers(Mapping[str, str]):
    """Response headers: names are case-insensitive, repeated headers are joined by ``, ``.

    Values have no control characters, and U+FFFD for bytes that are not UTF-8, so that they can be stored and sent back.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            known = self._values.get(name.lower())
            self._values[name.lower()] = clean_header(value) if known is None else f"{known}, {clean_header(value)}"

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({self._values!r})"


def clean_header(value: str) -> str:
    """Return ``value`` without control characters, and with U+FFFD for undecodable bytes (lone surrogates)."""
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", value)).strip()


@dataclass(frozen=True)
class Fetched:
    """An answer with its whole body. ``url`` is where the redirects ended; ``wire_bytes`` is the body's size as sent.

    ``truncated`` is set if the body was cut by a limit or by the server. ``retry_after`` is in seconds, capped.
    """

    status: int
    url: str
    requested_url: str
    redirects: tuple[str, ...]
    headers: Mapping[str, str]
    body: bytes
    truncated: bool
    wire_bytes: int
    retry_after: float | None = None

    def start(self, size: int) -> "Fetched":
        """Return the answer with the first ``size`` bytes of its body."""
        return replace(self, body=self.body[:size], truncated=self.truncated or len(self.body) > size)

    def raise_for_status(self) -> None:
        """Raise :class:`FetchError` ``http_<status>`` for a status of 400 and above, with ``retry_after``."""
        raise_for_status(self.status, self.url, self.retry_after)


def raise_for_status(status: int, url: str, retry_after: float | None) -> None:
    """Raise :class:`FetchError` ``http_<status>`` for a status of 400 and above."""
    if status >= 400:
        raise http_error(status, f"{shorten(url)} answered {status}", retry_after)


def http_error(status: int, reason: str, retry_after: float | None = None) -> FetchError:
    """Return the error ``http_<status>`` of an answer of 400 and above; 408, 425, 429 and 5xx are transient."""
    kind = FetchFailed if status in _TRANSIENT_STATUSES or 500 <= status < 600 else FetchRefused
    return kind(f"http_{status}", reason, retry_after)


def challenge_header(headers: Mapping[str, str]) -> str | None:
    """Return the name of the header that marks an answer as a bot challenge, or None."""
    return next((name for name in _CHALLENGE_HEADERS if headers.get(name, "").lower() in _CHALLENGES), None)
