"""Reads a whole body with the reader under test, as a job would."""

from dataclasses import dataclass

from scrapersky.web.sitemaps import Entry, Limits, SitemapReader

URL = "https://example.com/maps/sitemap.xml"
NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


@dataclass(frozen=True)
class Reading:
    """What came of it."""

    entries: list[Entry]
    reader: SitemapReader

    @property
    def urls(self) -> list[str]:
        """The entries' urls, in the file's order."""
        return [entry.url for entry in self.entries]


def read(
    body: bytes | str, *, chunk: int = 65_536, limits: Limits | None = None, truncated: bool = False, url: str = URL
) -> Reading:
    """Feeds ``body`` in chunks of ``chunk`` bytes until the reader has enough, and closes it."""
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
    """A plain urlset of ``locs``, written as they are."""
    return head + f"<urlset {NAMESPACE}>" + "".join(f"<url><loc>{loc}</loc></url>\n" for loc in locs) + "</urlset>"


def index(*locs: str) -> str:
    """A sitemap index of ``locs``."""
    children = "".join(f"<sitemap><loc>{loc}</loc></sitemap>" for loc in locs)
    return f"<sitemapindex {NAMESPACE}>{children}</sitemapindex>"
