"""Sitemap scans. Selecting one queues its discovery."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from api.adding import Added, answer
from api.curation import Decision, Decisions, decide
from api.curation_table import curation_field
from api.filters import Paging, SitemapFilter
from api.listing import Listing, RecordId, list_records, read_record
from api.new_sitemaps import NewSitemap, NewSitemaps, add_sitemaps
from api.views.sitemap import SitemapView
from api.wiring import caller_of, wiring_of
from api.writing import write
from scrapersky.models import Sitemap

router = Router()
TAGS = ["sitemaps"]


class SitemapQuery(Paging, SitemapFilter):
    """Parameters of a listing."""


@router.get("/sitemaps", tags=TAGS, summary="Lists sitemap scans")
def list_sitemaps(query: Annotated[SitemapQuery, Query()]) -> Listing[SitemapView]:
    return list_records(router, Sitemap, SitemapView, query, limit=query.limit, cursor=query.cursor)


@router.get("/sitemaps/<record_id>", tags=TAGS, summary="One of the sitemap scans")
def read_sitemap(record_id: RecordId) -> SitemapView:
    return read_record(router, Sitemap, SitemapView, record_id)


@router.post("/sitemaps", tags=TAGS, summary="Adds a domain's sitemap scan", status_code=HTTPStatus.CREATED)
def create_sitemap(body: NewSitemap) -> Added:
    return answer(router, "sitemaps", [body], add_sitemaps, alone=True)


@router.post("/sitemaps/bulk", tags=TAGS, summary="Adds sitemap scans")
def create_sitemaps(body: NewSitemaps) -> Added:
    return answer(router, "sitemaps", body.sitemaps, add_sitemaps)


@router.post("/sitemaps/curation", tags=TAGS, summary="Decides about sitemap scans; Selected queues discovery")
def curate_sitemaps(body: Decision[SitemapFilter]) -> Decisions:
    cap, field = wiring_of(router).settings.api_bulk_max, curation_field(Sitemap.curation_status)
    return write(
        router, Decisions, lambda connection: decide(connection, field, body, actor=caller_of(router), cap=cap)
    )
