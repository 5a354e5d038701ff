"""Reads sitemaps: one streaming reader for XML, text, RSS and Atom, however broken they are.

Every module here handles untrusted bytes. Memory is bounded by one chunk and one entry.
"""

from scrapersky.web.sitemaps.reader import SitemapReader, read_entries, reader_of
from scrapersky.web.sitemaps.types import Entry, Kind, Limits, SitemapRefused

__all__ = ["Entry", "Kind", "Limits", "SitemapReader", "SitemapRefused", "read_entries", "reader_of"]
