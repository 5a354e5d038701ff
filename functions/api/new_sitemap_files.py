"""Adds sitemap files that no scan found: somebody knows where they are."""

from collections.abc import Sequence, Set

from pydantic import Field
from sqlalchemy import Connection

from api.adding import Added
from api.curation_table import curation_field
from api.of_domain import NewUrl, add_urls
from scrapersky.models import DiscoveryMethod, SitemapFile
from scrapersky.runtime.input_model import InputModel


class NewSitemapFile(NewUrl):
    """A sitemap file to add. What it is shows when it is imported; a scan that finds it too keeps it as it is known."""


class NewSitemapFiles(InputModel):
    """Sitemap files to add."""

    sitemap_files: list[NewSitemapFile] = Field(min_length=1)


def add_sitemap_files(connection: Connection, files: Sequence[NewSitemapFile], *, ports: Set[int]) -> Added:
    """Adds ``files`` within the caller's transaction; those that exist are left alone."""
    field = curation_field(SitemapFile.curation_status)
    return add_urls(connection, field, files, lambda _: {"discovery_method": DiscoveryMethod.MANUAL.value}, ports)
