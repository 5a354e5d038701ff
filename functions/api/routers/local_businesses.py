"""Local businesses. Selecting one queues the extraction of its domain."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from api.adding import Added, answer
from api.curation import Decision, Decisions, decide
from api.curation_table import curation_field
from api.filters import LocalBusinessFilter, Paging
from api.listing import Listing, RecordId, list_records, read_record
from api.new_local_businesses import NewLocalBusiness, NewLocalBusinesses, add_local_businesses
from api.views.local_business import LocalBusinessView
from api.wiring import caller_of, wiring_of
from api.writing import write
from scrapersky.models import LocalBusiness

router = Router()
TAGS = ["local-businesses"]


class LocalBusinessQuery(Paging, LocalBusinessFilter):
    """Parameters of a listing."""


@router.get("/local-businesses", tags=TAGS, summary="Lists local businesses")
def list_local_businesses(query: Annotated[LocalBusinessQuery, Query()]) -> Listing[LocalBusinessView]:
    return list_records(router, LocalBusiness, LocalBusinessView, query, limit=query.limit, cursor=query.cursor)


@router.get("/local-businesses/<record_id>", tags=TAGS, summary="One of the local businesses")
def read_local_business(record_id: RecordId) -> LocalBusinessView:
    return read_record(router, LocalBusiness, LocalBusinessView, record_id)


@router.post("/local-businesses", tags=TAGS, summary="Adds a local business", status_code=HTTPStatus.CREATED)
def create_local_business(body: NewLocalBusiness) -> Added:
    return answer(router, "local_businesses", [body], add_local_businesses, alone=True)


@router.post("/local-businesses/bulk", tags=TAGS, summary="Adds local businesses")
def create_local_businesses(body: NewLocalBusinesses) -> Added:
    return answer(router, "local_businesses", body.local_businesses, add_local_businesses)


@router.post(
    "/local-businesses/curation", tags=TAGS, summary="Decides about local businesses; Selected queues domain extraction"
)
def curate_local_businesses(body: Decision[LocalBusinessFilter]) -> Decisions:
    cap, field = wiring_of(router).settings.api_bulk_max, curation_field(LocalBusiness.curation_status)
    return write(
        router, Decisions, lambda connection: decide(connection, field, body, actor=caller_of(router), cap=cap)
    )
