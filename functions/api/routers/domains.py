"""Domains. Selecting one queues the reading of its home page, or its submission for sitemap analysis."""

import base64
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field
from sqlalchemy import Connection

from api.adding import Added, answer
from api.curation import Decision, Decisions, decide
from api.curation_table import curation_field
from api.filters import DomainFilter, Paging
from api.listing import Listing, RecordId, list_records, read_record
from api.new_domains import NewDomain, NewDomains, add_domains, read_csv
from api.problem import Problem
from api.views.domain import DomainView
from api.wiring import caller_of, event_of, wiring_of
from api.writing import write
from scrapersky.models import Domain
from scrapersky.models.vocabulary import Curation

router = Router()
TAGS = ["domains"]


class DomainQuery(Paging, DomainFilter):
    """Parameters of a listing."""


class DomainDecision(Decision[DomainFilter]):
    """A decision about domains, which have two fields for them."""

    field: Literal["curation_status", "sitemap_curation_status"] = Field(
        "curation_status", description="curation_status queues metadata, sitemap_curation_status queues submission"
    )


@router.get("/domains", tags=TAGS, summary="Lists domains")
def list_domains(query: Annotated[DomainQuery, Query()]) -> Listing[DomainView]:
    return list_records(router, Domain, DomainView, query, limit=query.limit, cursor=query.cursor)


@router.get("/domains/<record_id>", tags=TAGS, summary="One domain")
def read_domain(record_id: RecordId) -> DomainView:
    return read_record(router, Domain, DomainView, record_id)


@router.post("/domains", tags=TAGS, summary="Adds a domain", status_code=HTTPStatus.CREATED)
def create_domain(body: NewDomain) -> Added:
    return _add([(1, body.domain)], body.curation_status, body.reason, alone=True)


@router.post("/domains/bulk", tags=TAGS, summary="Adds domains")
def create_domains(body: NewDomains) -> Added:
    return _add(list(enumerate(body.domains, 1)), body.curation_status, body.reason)


@router.post("/domains/csv", tags=TAGS, summary="Adds the domains of a CSV file (text/csv), with a column named domain")
def import_domains() -> Added:
    event = event_of(router)
    if not (event.headers.get("content-type") or "text/csv").startswith("text/csv"):
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a CSV file is wanted, sent as text/csv", field="Content-Type")
    body = event.body or ""
    content = base64.b64decode(body) if event.is_base64_encoded else body.encode()
    return _add(read_csv(content), Curation.NEW, "imported from a CSV file")


@router.post("/domains/curation", tags=TAGS, summary="Decides about domains; Selected queues a workflow")
def curate_domains(body: DomainDecision) -> Decisions:
    field = curation_field(
        Domain.curation_status if body.field == "curation_status" else Domain.sitemap_curation_status
    )
    cap = wiring_of(router).settings.api_bulk_max
    return write(
        router, Decisions, lambda connection: decide(connection, field, body, actor=caller_of(router), cap=cap)
    )


def _add(rows: list[tuple[int, str]], curation_status: Curation, reason: str, *, alone: bool = False) -> Added:
    def add(connection: Connection, these: Sequence[tuple[int, str]]) -> Added:
        return add_domains(connection, these, curation_status)

    return answer(router, "domains", rows, add, reason, alone=alone)
