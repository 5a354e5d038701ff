"""A sitemap read as it arrives from the web, without keeping the event loop from other work."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator
from typing import TYPE_CHECKING

from scrapersky.web.charset import charset_in
from scrapersky.web.sitemaps.entry import Entry
from scrapersky.web.sitemaps.limits import Limits
from scrapersky.web.sitemaps.reader import SitemapReader

if TYPE_CHECKING:  # the reader itself needs no web client
    from scrapersky.web.response import Response

BATCH = 1_000
"""Entries between two pauses: some 20 ms of parsing."""


def reader_of(response: "Response", limits: Limits) -> SitemapReader:
    """The reader for the body of ``response``, whose final url is the base of relative ones."""
    return SitemapReader(response.url, limits, charset_in(response.headers.get("content-type", "")))


async def read_entries(reader: SitemapReader, response: "Response") -> AsyncGenerator[list[Entry], None]:
    """The body's entries in batches, to its end or to the reader's caps; other tasks run in between.

    Raises what the reader and the response raise: :class:`~scrapersky.web.sitemaps.SitemapRefused` and FetchError.
    """
    async for chunk in response.chunks():
        for batch in _batches(reader.feed(chunk)):
            yield batch
            await asyncio.sleep(0)
        if reader.finished:
            break
        await asyncio.sleep(0)
    for batch in _batches(reader.close(truncated=response.truncated)):
        yield batch
        await asyncio.sleep(0)


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    batch = []
    for entry in entries:
        batch.append(entry)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
