"""The answer to a request: status, headers that are safe to store, and the body, whole or in chunks."""

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from scrapersky.errors import FetchError
from scrapersky.web.body import Body, PageBytes
from scrapersky.web.fetched import Fetched, raise_for_status
from scrapersky.web.urls import NormalUrl


@dataclass(frozen=True)
class Response:
    """An answer whose body is still being received; valid only inside ``async with web.stream(…)``.

    ``leads_to`` is the target of a redirect that was not followed.
    """

    status: int
    url: NormalUrl
    requested_url: NormalUrl
    redirects: tuple[str, ...]
    headers: Mapping[str, str]
    body: Body
    retry_after: float | None = None
    leads_to: NormalUrl | None = None

    def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the unpacked body in pieces. Raises :class:`FetchError` at a limit or at the deadline."""
        return self.body.chunks()

    @property
    def truncated(self) -> bool:
        """Whether the body read so far was cut by a limit or by the server."""
        return self.body.truncated

    @property
    def wire_bytes(self) -> int:
        """Bytes of the body received so far, before unpacking."""
        return self.body.wire_bytes

    def raise_for_status(self) -> None:
        """Raise :class:`FetchError` ``http_<status>`` for a status of 400 and above, with ``retry_after``."""
        raise_for_status(self.status, self.url, self.retry_after)


async def read_whole(response: Response, page: PageBytes | None = None) -> Fetched:
    """Return ``response`` with its whole body, or with the part that ``page`` keeps.

    The body of an error page (400 and above) is empty if it cannot be read.
    """
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
        # For an error page the status matters more than an unreadable body.
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


def retry_after_seconds(value: str | None, cap: float, now: datetime | None = None) -> float | None:
    """Return the seconds to wait of a Retry-After header (RFC 9110 §10.2.3), between 0 and ``cap``.

    ``value`` is a number of seconds or an HTTP date; for anything else the result is None.
    """
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"[0-9]+", value):
        return min(float(value), cap)
    try:
        date = parsedate_to_datetime(value)
        seconds = (date.replace(tzinfo=date.tzinfo or UTC) - (now or datetime.now(UTC))).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), cap)
