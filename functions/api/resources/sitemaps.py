"""Sitemap scans, one per domain. ``Selected`` queues the discovery."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field

from api.adding import Added, add_records
from api.curation import Decision, Decisions, curate
from api.listing import Listing, RecordIdInPath, list_records, read_record
from api.moving import Move, Moved, Requeue, move
from api.resource import ORDER, Paging, Resource, View
from api.rows import NewOfDomain
from scrapersky.lists.tables import SitemapFilter
from scrapersky.models import Sitemap
from scrapersky.runtime.input_model import InputModel
from scrapersky.runtime.registry import DISCOVERY
from scrapersky.vocabulary import Curation, Status

router = Router()
TAGS = ["sitemaps"]


class SitemapView(View):
    """The sitemap scan of one domain, without its report of the URLs it tried."""

    domain_id: int
    files_found: int | None
    requests_made: int | None
    scanned_at: datetime | None
    curation_status: Curation
    status: Status
    due_at: datetime | None
    failures: int
    error_code: str | None
    error: str | None
    created_at: datetime
    updated_at: datetime


class SitemapQuery(Paging, SitemapFilter):
    """The query parameters of a listing."""

    order: Literal["id", "-id"] = ORDER


class NewSitemap(NewOfDomain):
    """The sitemap scan of a domain."""


class NewSitemaps(InputModel):
    """Sitemap scans to add."""

    sitemaps: list[NewSitemap] = Field(min_length=1)


SITEMAPS = Resource(
    model=Sitemap, view=SitemapView, filters=SitemapFilter, key=("domain_id",), curation={"curation_status": DISCOVERY}
)


@router.get("/sitemaps", tags=TAGS, summary="List sitemap scans")
def list_sitemaps(query: Annotated[SitemapQuery, Query()]) -> Listing[SitemapView]:
    return list_records(router, SITEMAPS, query)


@router.get("/sitemaps/<record_id>", tags=TAGS, summary="Return one sitemap scan")
def read_sitemap(record_id: RecordIdInPath) -> SitemapView:
    return read_record(router, SITEMAPS, record_id)


@router.post("/sitemaps", tags=TAGS, summary="Add a domain's sitemap scan", status_code=HTTPStatus.CREATED)
def create_sitemap(body: NewSitemap) -> Added:
    return add_records(router, SITEMAPS, [body], alone=True)


@router.post("/sitemaps/bulk", tags=TAGS, summary="Add sitemap scans")
def create_sitemaps(body: NewSitemaps) -> Added:
    return add_records(router, SITEMAPS, body.sitemaps)


@router.post("/sitemaps/curation", tags=TAGS, summary="Curate sitemap scans; Selected queues discovery")
def curate_sitemaps(body: Decision[SitemapFilter]) -> Decisions:
    return curate(router, SITEMAPS, body)


@router.post("/sitemaps/requeue", tags=TAGS, summary="Queue discoveries again, without a decision")
def requeue_sitemaps(body: Requeue[SitemapFilter]) -> Moved:
    return move(router, SITEMAPS, DISCOVERY, "requeue", body)


@router.post("/sitemaps/cancel", tags=TAGS, summary="Cancel queued discoveries")
def cancel_sitemaps(body: Move[SitemapFilter]) -> Moved:
    return move(router, SITEMAPS, DISCOVERY, "cancel", body)
