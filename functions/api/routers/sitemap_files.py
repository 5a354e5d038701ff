"""Sitemap files. Selecting one queues its import."""

from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from sqlalchemy import Connection

from api.adding import Added, answer
from api.curation import Decision, Decisions, decide
from api.curation_table import curation_field
from api.filters import Paging, SitemapFileFilter
from api.listing import Listing, RecordId, list_records, read_record
from api.new_sitemap_files import NewSitemapFile, NewSitemapFiles, add_sitemap_files
from api.views.sitemap_file import SitemapFileView
from api.wiring import caller_of, wiring_of
from api.writing import write
from scrapersky.models import SitemapFile

router = Router()
TAGS = ["sitemap-files"]


class SitemapFileQuery(Paging, SitemapFileFilter):
    """Parameters of a listing."""


def _add() -> Callable[[Connection, Sequence[NewSitemapFile]], Added]:
    return partial(add_sitemap_files, ports=wiring_of(router).settings.ports)


@router.get("/sitemap-files", tags=TAGS, summary="Lists sitemap files")
def list_sitemap_files(query: Annotated[SitemapFileQuery, Query()]) -> Listing[SitemapFileView]:
    return list_records(router, SitemapFile, SitemapFileView, query, limit=query.limit, cursor=query.cursor)


@router.get("/sitemap-files/<record_id>", tags=TAGS, summary="One of the sitemap files")
def read_sitemap_file(record_id: RecordId) -> SitemapFileView:
    return read_record(router, SitemapFile, SitemapFileView, record_id)


@router.post("/sitemap-files", tags=TAGS, summary="Adds a sitemap file", status_code=HTTPStatus.CREATED)
def create_sitemap_file(body: NewSitemapFile) -> Added:
    return answer(router, "sitemap_files", [body], _add(), alone=True)


@router.post("/sitemap-files/bulk", tags=TAGS, summary="Adds sitemap files")
def create_sitemap_files(body: NewSitemapFiles) -> Added:
    return answer(router, "sitemap_files", body.sitemap_files, _add())


@router.post("/sitemap-files/curation", tags=TAGS, summary="Decides about sitemap files; Selected queues their import")
def curate_sitemap_files(body: Decision[SitemapFileFilter]) -> Decisions:
    cap, field = wiring_of(router).settings.api_bulk_max, curation_field(SitemapFile.curation_status)
    return write(
        router, Decisions, lambda connection: decide(connection, field, body, actor=caller_of(router), cap=cap)
    )
