"""Reading sitemaps: one streaming reader for XML, text, RSS and Atom, whatever is wrong with them.

Every file here handles bytes of strangers. Nothing keeps more of them in memory than one piece and one entry.
"""

from scrapersky.web.sitemaps.entry import Entry
from scrapersky.web.sitemaps.kind import Kind
from scrapersky.web.sitemaps.limits import Limits
from scrapersky.web.sitemaps.reader import SitemapReader
from scrapersky.web.sitemaps.refusal import SitemapRefused
from scrapersky.web.sitemaps.streaming import read_entries, reader_of

__all__ = ["Entry", "Kind", "Limits", "SitemapReader", "SitemapRefused", "read_entries", "reader_of"]
