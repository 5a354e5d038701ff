"""Adds the sitemap scans of domains, one per domain. A scan that is made Queued is discovery's queue entry itself."""

from collections.abc import Sequence

from pydantic import Field
from sqlalchemy import Connection

from api.adding import Added
from api.curation_table import curation_field
from api.of_domain import NewOfDomain, add_to_domains
from scrapersky.models import Sitemap
from scrapersky.runtime.input_model import InputModel


class NewSitemap(NewOfDomain):
    """The sitemap scan of a domain."""


class NewSitemaps(InputModel):
    """Sitemap scans to add."""

    sitemaps: list[NewSitemap] = Field(min_length=1)


def add_sitemaps(connection: Connection, sitemaps: Sequence[NewSitemap]) -> Added:
    """Adds ``sitemaps`` within the caller's transaction; those that exist are left alone."""
    return add_to_domains(connection, curation_field(Sitemap.curation_status), sitemaps)
