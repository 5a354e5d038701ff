"""What a request brings back: status, headers made safe to keep, and the body, whole or in chunks."""

import re
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from scrapersky.errors import FetchError
from scrapersky.web.body import Body
from scrapersky.web.failures import http_error, shown_url
from scrapersky.web.page_bytes import PageBytes

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Headers(Mapping[str, str]):
    """Response headers: names in any case, repeated ones joined by ``, ``, values free of control characters.

    Bytes that are no UTF-8 became U+FFFD, so a value can be stored and sent on.
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
    """``value`` without control characters, its undecodable bytes (lone surrogates) replaced."""
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", value)).strip()


@dataclass(frozen=True)
class Fetched:
    """A whole answer. ``url`` is where redirects ended; ``wire_bytes`` counts the body as it was sent.

    ``truncated``: the body was cut, by the caller's cap or by the other side. ``retry_after`` is seconds, clamped.
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

    def raise_for_status(self) -> None:
        """Raises :class:`FetchError` ``http_<status>`` for 400 and above, with ``retry_after``."""
        _raise_for_status(self.status, self.url, self.retry_after)


@dataclass(frozen=True)
class Response:
    """An answer whose body is still on its way; only valid inside ``async with web.stream(…)``."""

    status: int
    url: str
    requested_url: str
    redirects: tuple[str, ...]
    headers: Mapping[str, str]
    body: Body
    retry_after: float | None = None
    leads_to: str | None = None

    def chunks(self) -> AsyncGenerator[bytes]:
        """The body, unpacked, in pieces; raises :class:`FetchError` where a cap or the deadline is met."""
        return self.body.chunks()

    @property
    def truncated(self) -> bool:
        """Whether the body read so far was cut, by the caller's cap or by the other side."""
        return self.body.truncated

    @property
    def wire_bytes(self) -> int:
        """Bytes of the body read so far, as sent."""
        return self.body.wire_bytes

    def raise_for_status(self) -> None:
        """Raises :class:`FetchError` ``http_<status>`` for 400 and above, with ``retry_after``."""
        _raise_for_status(self.status, self.url, self.retry_after)


async def whole(response: Response, page: PageBytes | None = None) -> Fetched:
    """``response`` with its whole body in memory, or what ``page`` keeps of it; an error page may come without one."""
    body = await _body_of(response, page)
    return Fetched(
        status=response.status,
        url=response.url,
        requested_url=response.requested_url,
        redirects=response.redirects,
        headers=response.headers,
        body=body,
        truncated=response.truncated,
        wire_bytes=response.wire_bytes,
        retry_after=response.retry_after,
    )


async def _body_of(response: Response, page: PageBytes | None) -> bytes:
    try:
        return await response.body.read() if page is None else await _page_of(response, page)
    except FetchError as failure:
        # The status says more about an error page than the encoding it was sent in.
        if response.status < 400 or failure.code not in {"bad_response", "too_large"}:
            raise
        response.body.truncated = True
        return b""


async def _page_of(response: Response, page: PageBytes) -> bytes:
    async with aclosing(response.chunks()) as chunks:
        async for chunk in chunks:
            page.feed(chunk)
            if page.full:
                response.body.truncated = True
                break
    return page.end()


def _raise_for_status(status: int, url: str, retry_after: float | None) -> None:
    if status >= 400:
        raise http_error(status, f"{shown_url(url)} answered {status}", retry_after)
