"""Pages, as sitemap files and home pages list them. Selecting one queues its reading."""

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
from api.resource import ORDER, Paging, Resource, View
from api.rows import Known, NewUrl
from scrapersky.lists.tables import PageFilter
from scrapersky.models import Page
from scrapersky.runtime.input_model import InputModel
from scrapersky.runtime.registry import PAGE_READING
from scrapersky.vocabulary import Curation, Status
from scrapersky.web.page_type import page_type_of
from scrapersky.web.urls import host_and_path, path_depth

router = Router()
TAGS = ["pages"]
LEAD_SOURCE = "manual"


class PageView(View):
    """A page."""

    domain_id: int
    sitemap_file_id: int | None
    url: str
    last_modified: datetime | None
    changefreq: str | None
    priority: float | None
    image_count: int
    video_count: int
    news_count: int
    hreflang: dict[str, Any] | None
    page_type: str
    path_depth: int
    other_host: bool
    lead_source: str
    title: str | None
    h1: str | None
    canonical_url: str | None
    meta_robots: str | None
    imprint: dict[str, Any] | None
    last_read: datetime | None
    curation_status: Curation
    page_reading_status: Status
    page_reading_due_at: datetime | None
    page_reading_failures: int
    page_reading_error_code: str | None
    page_reading_error: str | None
    created_at: datetime
    updated_at: datetime


class PageQuery(Paging, PageFilter):
    """The query parameters of a listing."""

    order: Literal["id", "-id", "page_type", "-page_type"] = ORDER


class NewPage(NewUrl):
    """A page to add. An import that finds it too adds what it knows, and keeps ``lead_source`` and the decision."""

    def columns(self, known: Known) -> dict[str, Any]:
        """Return the record's columns; type and depth follow from the URL. Raises :class:`~api.rows.RowRefused`."""
        found = super().columns(known)
        _, path = host_and_path(found["url"])
        return {
            **found,
            "page_type": page_type_of(path).value,
            "path_depth": path_depth(path),
            "lead_source": LEAD_SOURCE,
        }


class NewPages(InputModel):
    """Pages to add."""

    pages: list[NewPage] = Field(min_length=1)


PAGES = Resource(
    model=Page,
    view=PageView,
    filters=PageFilter,
    key=("domain_id", "url"),
    curation={"curation_status": PAGE_READING},
)


@router.get("/pages", tags=TAGS, summary="List pages")
def list_pages(query: Annotated[PageQuery, Query()]) -> Listing[PageView]:
    return list_records(router, PAGES, query)


@router.get("/pages/<record_id>", tags=TAGS, summary="Return one page")
def read_page(record_id: RecordIdInPath) -> PageView:
    return read_record(router, PAGES, record_id)


@router.post("/pages", tags=TAGS, summary="Add a page", status_code=HTTPStatus.CREATED)
def create_page(body: NewPage) -> Added:
    return add_records(router, PAGES, [body], alone=True)


@router.post("/pages/bulk", tags=TAGS, summary="Add pages")
def create_pages(body: NewPages) -> Added:
    return add_records(router, PAGES, body.pages)


@router.post("/pages/csv", tags=TAGS, summary="Add the pages of a CSV file")
def import_pages(query: Annotated[CsvQuery, Query()]) -> Added:
    return import_records(router, PAGES, NewPage, query)


@router.post("/pages/curation", tags=TAGS, summary="Curate pages")
def curate_pages(body: Decision[PageFilter]) -> Decisions:
    return curate(router, PAGES, body)


@router.post("/pages/requeue", tags=TAGS, summary="Queue page readings again, without a decision")
def requeue_pages(body: Requeue[PageFilter]) -> Moved:
    return move(router, PAGES, PAGE_READING, "requeue", body)


@router.post("/pages/cancel", tags=TAGS, summary="Cancel queued page readings")
def cancel_pages(body: Move[PageFilter]) -> Moved:
    return move(router, PAGES, PAGE_READING, "cancel", body)
