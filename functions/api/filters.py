"""Filters of listings and of bulk decisions. A filter's field is the column's name; several must all hold."""

from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement

from scrapersky.models.base import Recorded
from scrapersky.models.vocabulary import Curation, Status
from scrapersky.runtime.input_model import InputModel

NAMES = {
    "places": "name",
    "local_businesses": "business_name",
    "domains": "domain",
    "sitemap_files": "url",
    "pages": "url",
}
"""The column that ``search`` looks into, by table."""

BIGGEST = 2**63 - 1


class Filter(InputModel):
    """What every filter has."""

    tenant: str | None = None
    curation_status: Curation | None = None
    created_after: datetime | None = Field(None, description="created at this instant or later")
    created_before: datetime | None = Field(None, description="created before this instant")

    @property
    def given(self) -> dict[str, Any]:
        """The conditions that were given."""
        return {name: value for name in Filter.all_fields(type(self)) if (value := getattr(self, name)) is not None}

    @staticmethod
    def all_fields(kind: type["Filter"]) -> list[str]:
        """The names of the conditions of ``kind``, without those of a page of a listing."""
        return [name for name in kind.model_fields if name not in Paging.model_fields]


class Paging(BaseModel):
    """Which part of a listing."""

    limit: int = Field(50, ge=1, le=500, description="records at most")
    cursor: str | None = Field(None, description="the 'next' of the answer before")


class Named(Filter):
    """A filter of records with a name."""

    search: str | None = Field(None, min_length=1, max_length=200, description="part of the name, any case")


class PlaceFilter(Named):
    """A filter of places."""

    place_id: str | None = None
    search_query: str | None = None
    deep_scan_status: Status | None = None
    deep_scan_error_code: str | None = None


class LocalBusinessFilter(Named):
    """A filter of local businesses."""

    place_id: str | None = None
    city: str | None = None
    country: str | None = None
    main_category: str | None = None
    domain_id: int | None = Field(None, ge=1, le=BIGGEST)
    domain_extraction_status: Status | None = None
    domain_extraction_error_code: str | None = None


class DomainFilter(Named):
    """A filter of domains."""

    sitemap_curation_status: Curation | None = None
    status: Status | None = None
    error_code: str | None = None
    sitemap_analysis_status: Status | None = None
    sitemap_analysis_error_code: str | None = None
    is_wordpress: bool | None = None


class SitemapFilter(Filter):
    """A filter of sitemap scans."""

    domain_id: int | None = Field(None, ge=1, le=BIGGEST)
    status: Status | None = None
    error_code: str | None = None


class SitemapFileFilter(Named):
    """A filter of sitemap files."""

    domain_id: int | None = Field(None, ge=1, le=BIGGEST)
    sitemap_id: int | None = Field(None, ge=1, le=BIGGEST)
    sitemap_type: str | None = None
    discovery_method: str | None = None
    is_valid: bool | None = None
    sitemap_import_status: Status | None = None
    sitemap_import_error_code: str | None = None


class PageFilter(Named):
    """A filter of pages."""

    domain_id: int | None = Field(None, ge=1, le=BIGGEST)
    sitemap_file_id: int | None = Field(None, ge=1, le=BIGGEST)
    page_type: str | None = None
    lead_source: str | None = None


F = TypeVar("F", bound=Filter)


def conditions(model: type[Recorded], wanted: Filter) -> list[ColumnElement[bool]]:
    """The conditions of ``wanted`` on the columns of ``model``."""
    return [_condition(model, name, value) for name, value in wanted.given.items()]


def _condition(model: type[Recorded], name: str, value: Any) -> ColumnElement[bool]:
    condition: ColumnElement[bool]
    match name:
        case "search":
            condition = column(model, NAMES[str(model.__tablename__)]).icontains(value, autoescape=True)
        case "created_after":
            condition = column(model, "created_at") >= value
        case "created_before":
            condition = column(model, "created_at") < value
        case _:
            condition = column(model, name) == value
    return condition


def column(model: type[Recorded], name: str) -> ColumnElement[Any]:
    """The column ``name`` of the table of ``model``."""
    return model.__table__.c[name]
