"""Adds pages that no sitemap lists. Type and depth are told by the url, as for an imported page."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

from pydantic import Field
from sqlalchemy import Connection

from api.adding import Added
from api.curation_table import curation_field
from api.of_domain import NewUrl, add_urls
from scrapersky.models import Page
from scrapersky.runtime.input_model import InputModel
from scrapersky.web.page_type import page_type_of
from scrapersky.web.urls import NormalUrl, host_and_path, path_depth

LEAD_SOURCE = "manual"


class NewPage(NewUrl):
    """A page to add. A sitemap that lists it later fills in what it knows, and keeps ``lead_source`` and the decision."""


class NewPages(InputModel):
    """Pages to add."""

    pages: list[NewPage] = Field(min_length=1)


def add_pages(connection: Connection, pages: Sequence[NewPage], *, ports: Set[int]) -> Added:
    """Adds ``pages`` within the caller's transaction; those that exist are left alone."""
    return add_urls(connection, curation_field(Page.curation_status), pages, _told_by, ports)


def _told_by(url: str) -> Mapping[str, Any]:
    _, path = host_and_path(NormalUrl(url))
    return {"page_type": page_type_of(path).value, "path_depth": path_depth(path), "lead_source": LEAD_SOURCE}
