"""Pages: what sitemap files list. The end of the pipeline: deciding about one queues nothing."""

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
from api.filters import PageFilter, Paging
from api.listing import Listing, RecordId, list_records, read_record
from api.new_pages import NewPage, NewPages, add_pages
from api.views.page import PageView
from api.wiring import caller_of, wiring_of
from api.writing import write
from scrapersky.models import Page

router = Router()
TAGS = ["pages"]


class PageQuery(Paging, PageFilter):
    """Parameters of a listing."""


def _add() -> Callable[[Connection, Sequence[NewPage]], Added]:
    return partial(add_pages, ports=wiring_of(router).settings.ports)


@router.get("/pages", tags=TAGS, summary="Lists pages")
def list_pages(query: Annotated[PageQuery, Query()]) -> Listing[PageView]:
    return list_records(router, Page, PageView, query, limit=query.limit, cursor=query.cursor)


@router.get("/pages/<record_id>", tags=TAGS, summary="One of the pages")
def read_page(record_id: RecordId) -> PageView:
    return read_record(router, Page, PageView, record_id)


@router.post("/pages", tags=TAGS, summary="Adds a page", status_code=HTTPStatus.CREATED)
def create_page(body: NewPage) -> Added:
    return answer(router, "pages", [body], _add(), alone=True)


@router.post("/pages/bulk", tags=TAGS, summary="Adds pages")
def create_pages(body: NewPages) -> Added:
    return answer(router, "pages", body.pages, _add())


@router.post("/pages/curation", tags=TAGS, summary="Decides about pages")
def curate_pages(body: Decision[PageFilter]) -> Decisions:
    cap, field = wiring_of(router).settings.api_bulk_max, curation_field(Page.curation_status)
    return write(
        router, Decisions, lambda connection: decide(connection, field, body, actor=caller_of(router), cap=cap)
    )
