"""Sitemap files. ``Selected`` queues the import."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field

from api.adding import Added, add_records
from api.csv_import import CsvQuery, import_records
from api.curation import Decision, Decisions, curate
from api.listing import Listing, RecordIdInPath, list_records, read_record
from api.moving import Move, Moved, Requeue, move
from api.resource import ORDER, NeverQueued, Paging, Resource, View
from api.rows import Known, NewUrl
from scrapersky.lists.tables import SitemapFileFilter
from scrapersky.models import SitemapFile
from scrapersky.runtime.input_model import InputModel
from scrapersky.runtime.registry import IMPORT
from scrapersky.vocabulary import Curation, DiscoveryMethod, Status

router = Router()
TAGS = ["sitemap-files"]


class SitemapFileView(View):
    """A sitemap file."""

    domain_id: int
    sitemap_id: int | None
    url: str
    parent_url: str | None
    sitemap_type: str | None
    discovery_method: str
    http_status: int | None
    size_bytes: int | None
    url_count: int | None
    has_lastmod: bool | None
    is_gzip: bool | None
    is_valid: bool | None
    invalid_reason: str | None
    broken_at: str | None
    etag: str | None
    last_modified: str | None
    imported_at: datetime | None
    pages_found: int | None
    curation_status: Curation
    sitemap_import_status: Status
    sitemap_import_due_at: datetime | None
    sitemap_import_failures: int
    sitemap_import_error_code: str | None
    sitemap_import_error: str | None
    created_at: datetime
    updated_at: datetime


class SitemapFileQuery(Paging, SitemapFileFilter):
    """The query parameters of a listing."""

    order: Literal["id", "-id", "http_status", "-http_status"] = ORDER


class NewSitemapFile(NewUrl):
    """A sitemap file to add. The import finds out its type; a scan that finds it too leaves it as it is."""

    def columns(self, known: Known) -> dict[str, Any]:
        """Return the record's columns. Raises :class:`~api.rows.RowRefused`."""
        return {**super().columns(known), "discovery_method": DiscoveryMethod.MANUAL.value}


class NewSitemapFiles(InputModel):
    """Sitemap files to add."""

    sitemap_files: list[NewSitemapFile] = Field(min_length=1)


SITEMAP_FILES = Resource(
    model=SitemapFile,
    view=SitemapFileView,
    filters=SitemapFileFilter,
    key=("domain_id", "url"),
    curation={"curation_status": IMPORT},
    never_queued=NeverQueued(
        "sitemap_type", frozenset({"index"}), "a sitemap index holds no pages; select the files that it lists"
    ),
)


@router.get("/sitemap-files", tags=TAGS, summary="List sitemap files")
def list_sitemap_files(query: Annotated[SitemapFileQuery, Query()]) -> Listing[SitemapFileView]:
    return list_records(router, SITEMAP_FILES, query)


@router.get("/sitemap-files/<record_id>", tags=TAGS, summary="Return one sitemap file")
def read_sitemap_file(record_id: RecordIdInPath) -> SitemapFileView:
    return read_record(router, SITEMAP_FILES, record_id)


@router.post("/sitemap-files", tags=TAGS, summary="Add a sitemap file", status_code=HTTPStatus.CREATED)
def create_sitemap_file(body: NewSitemapFile) -> Added:
    return add_records(router, SITEMAP_FILES, [body], alone=True)


@router.post("/sitemap-files/bulk", tags=TAGS, summary="Add sitemap files")
def create_sitemap_files(body: NewSitemapFiles) -> Added:
    return add_records(router, SITEMAP_FILES, body.sitemap_files)


@router.post("/sitemap-files/csv", tags=TAGS, summary="Add the sitemap files of a CSV file")
def import_sitemap_files(query: Annotated[CsvQuery, Query()]) -> Added:
    return import_records(router, SITEMAP_FILES, NewSitemapFile, query)


@router.post("/sitemap-files/curation", tags=TAGS, summary="Curate sitemap files; Selected queues their import")
def curate_sitemap_files(body: Decision[SitemapFileFilter]) -> Decisions:
    return curate(router, SITEMAP_FILES, body)


@router.post("/sitemap-files/requeue", tags=TAGS, summary="Queue imports again, without a decision")
def requeue_sitemap_files(body: Requeue[SitemapFileFilter]) -> Moved:
    return move(router, SITEMAP_FILES, IMPORT, "requeue", body)


@router.post("/sitemap-files/cancel", tags=TAGS, summary="Cancel queued imports")
def cancel_sitemap_files(body: Move[SitemapFileFilter]) -> Moved:
    return move(router, SITEMAP_FILES, IMPORT, "cancel", body)
