"""Helpers of the sitemap tests: reading a whole body as a job does, and building documents."""

from dataclasses import dataclass

from scrapersky.web.sitemaps import Entry, Limits, SitemapReader

URL = "https://example.com/maps/sitemap.xml"
NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


@dataclass(frozen=True)
class Reading:
    """The result of reading a body."""

    entries: list[Entry]
    reader: SitemapReader

    @property
    def urls(self) -> list[str]:
        """The URLs of the entries, in the order of the file."""
        return [entry.url for entry in self.entries]


def read(
    body: bytes | str, *, chunk: int = 65_536, limits: Limits | None = None, truncated: bool = False, url: str = URL
) -> Reading:
    """Feed ``body`` in chunks of ``chunk`` bytes until the reader is finished, and close it."""
    data = body.encode() if isinstance(body, str) else body
    reader = SitemapReader(url, limits)
    entries: list[Entry] = []
    for at in range(0, len(data), chunk):
        entries += reader.feed(data[at : at + chunk])
        if reader.finished:
            break
    entries += reader.close(truncated=truncated)
    return Reading(entries, reader)


def urlset(*locs: str, head: str = '<?xml version="1.0" encoding="UTF-8"?>\n') -> str:
    """Return a plain urlset of ``locs``, which are inserted unescaped."""
    return head + f"<urlset {NAMESPACE}>" + "".join(f"<url><loc>{loc}</loc></url>\n" for loc in locs) + "</urlset>"


def index(*locs: str) -> str:
    """Return a sitemap index of ``locs``."""
    children = "".join(f"<sitemap><loc>{loc}</loc></sitemap>" for loc in locs)
    return f"<sitemapindex {NAMESPACE}>{children}</sitemapindex>"
