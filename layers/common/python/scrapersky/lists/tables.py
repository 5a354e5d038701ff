"""The filters of each table."""

from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ColumnElement, exists

from scrapersky.lists.filters import (
    INDEXED,
    Columns,
    HttpStatus,
    Named,
    OfDomain,
    OfUrl,
    Where,
    of_domain,
    present,
)
from scrapersky.models import Domain
from scrapersky.runtime.input_model import Flag, Id, Instant
from scrapersky.vocabulary import ContactKind, Curation, EmailCheck, Status


class PlaceSearchFilter(Named):
    """The filters of map searches. Without ``root_id`` and ``is_tile``, tiles are left out."""

    searched = "name"

    text: str | None = None
    area: str | None = None
    root_id: Annotated[Id | None, INDEXED] = Field(None, description="the tiles of this search")
    is_tile: Annotated[Flag | None, present("root_id")] = None
    status: Status | None = None
    error_code: str | None = None
    error: str | None = Field(None, min_length=1, max_length=200, description="words of the error's text")

    def given(self) -> dict[str, Any]:
        """Return the filters that the request sets; by default those of searches."""
        chosen = super().given()
        return chosen if "root_id" in chosen or "is_tile" in chosen else {"is_tile": False, **chosen}


class PlaceFilter(Named):
    """The filters of places."""

    searched = "name"

    place_id: Annotated[str | None, INDEXED] = None
    search_query: Annotated[str | None, INDEXED] = None
    deep_scan_status: Status | None = None
    deep_scan_error_code: str | None = None
    deep_scan_error: str | None = Field(None, min_length=1, max_length=200, description="words of the error's text")


def _has_email(columns: Columns, given: bool) -> ColumnElement[bool]:
    found = exists().where(
        Domain.id == columns.domain_id, Domain.tenant == columns.tenant, Domain.email_addresses.is_not(None)
    )
    return found if given else ~found


class LocalBusinessFilter(Named, OfDomain):
    """The filters of local businesses."""

    searched = "business_name"

    place_id: Annotated[str | None, INDEXED] = None
    city: Annotated[str | None, INDEXED] = None
    country: str | None = None
    main_category: Annotated[str | None, INDEXED] = None
    has_email: Annotated[Flag | None, Where(_has_email)] = Field(None, description="its website gives one")
    has_phone: Annotated[Flag | None, present("phone")] = None
    domain_extraction_status: Status | None = None
    domain_extraction_error_code: str | None = None
    domain_extraction_error: str | None = Field(None, min_length=1, max_length=200, description="words of its text")


class DomainFilter(Named):
    """The filters of domains."""

    searched = "domain"

    domain: Annotated[str | None, Where(of_domain, indexed=True)] = Field(
        None, description="the host name, or a url on it"
    )
    sitemap_curation_status: Curation | None = None
    status: Status | None = None
    error_code: str | None = None
    error: str | None = Field(None, min_length=1, max_length=200, description="words of the error's text")
    sitemap_analysis_status: Status | None = None
    sitemap_analysis_error_code: str | None = None
    sitemap_analysis_error: str | None = Field(None, min_length=1, max_length=200, description="words of its text")
    is_wordpress: Flag | None = None
    has_email: Annotated[Flag | None, present("email_addresses")] = None
    has_phone: Annotated[Flag | None, present("phone_numbers")] = None
    http_status: Annotated[HttpStatus | None, INDEXED] = None
    last_scan_before: Annotated[Instant | None, Where(lambda columns, given: columns.last_scan < given)] = Field(
        None, description="scanned, and not since this instant"
    )


class SitemapFilter(OfDomain):
    """The filters of sitemap scans."""

    status: Status | None = None
    error_code: str | None = None
    error: str | None = Field(None, min_length=1, max_length=200, description="words of the error's text")


class SitemapFileFilter(OfUrl):
    """The filters of sitemap files."""

    searched = "url"

    sitemap_id: Annotated[Id | None, INDEXED] = None
    sitemap_type: str | None = None
    discovery_method: str | None = None
    is_valid: Flag | None = None
    sitemap_import_status: Status | None = None
    sitemap_import_error_code: str | None = None
    sitemap_import_error: str | None = Field(None, min_length=1, max_length=200, description="words of its text")
    http_status: Annotated[HttpStatus | None, INDEXED] = None


class PageFilter(OfUrl):
    """The filters of pages."""

    searched = "url"

    sitemap_file_id: Annotated[Id | None, INDEXED] = None
    page_type: Annotated[str | None, INDEXED] = None
    lead_source: str | None = None
    page_reading_status: Status | None = None
    page_reading_error_code: str | None = None
    page_reading_error: str | None = Field(None, min_length=1, max_length=200, description="words of the error's text")


class ContactFilter(Named, OfDomain):
    """The filters of contacts."""

    searched = "value"

    kind: ContactKind | None = None
    value: Annotated[str | None, INDEXED] = Field(None, description="exactly this address, number or url")
    category: str | None = None
    checked: Annotated[EmailCheck | None, Where(lambda columns, given: columns.email_check_result == given)] = Field(
        None, description="the result of the e-mail check"
    )
    email_check_status: Status | None = None
    email_check_error_code: str | None = None
    email_check_error: str | None = Field(None, min_length=1, max_length=200, description="words of the error's text")
    seen_since: Annotated[Instant | None, Where(lambda columns, given: columns.last_seen >= given)] = Field(
        None, description="seen at or after this instant"
    )
    gone: Annotated[Flag | None, Where(lambda columns, given: columns.gone_at.is_not(None) == given)] = Field(
        None, description="whether all of its sources lack it now"
    )
