"""Why a body is no sitemap at all."""

from scrapersky.errors import Permanent


class SitemapRefused(Permanent):
    """The body is not a sitemap; nothing of it counts.

    Codes: ``empty`` (no characters but blanks), ``not_xml`` (HTML, or neither XML nor a list of urls),
    ``not_a_sitemap`` (XML with another root element, or one that declares entities).
    """
