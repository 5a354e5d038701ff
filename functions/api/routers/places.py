"""Places: what map searches found. Selecting one queues its deep scan."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from api.adding import Added, answer
from api.curation import Decision, Decisions, decide
from api.curation_table import curation_field
from api.filters import Paging, PlaceFilter
from api.listing import Listing, RecordId, list_records, read_record
from api.new_places import NewPlace, NewPlaces, add_places
from api.views.place import PlaceView
from api.wiring import caller_of, wiring_of
from api.writing import write
from scrapersky.models import Place

router = Router()
TAGS = ["places"]


class PlaceQuery(Paging, PlaceFilter):
    """Parameters of a listing."""


@router.get("/places", tags=TAGS, summary="Lists places")
def list_places(query: Annotated[PlaceQuery, Query()]) -> Listing[PlaceView]:
    return list_records(router, Place, PlaceView, query, limit=query.limit, cursor=query.cursor)


@router.get("/places/<record_id>", tags=TAGS, summary="One place")
def read_place(record_id: RecordId) -> PlaceView:
    return read_record(router, Place, PlaceView, record_id)


@router.post("/places", tags=TAGS, summary="Adds a place", status_code=HTTPStatus.CREATED)
def create_place(body: NewPlace) -> Added:
    return answer(router, "places", [body], add_places, alone=True)


@router.post("/places/bulk", tags=TAGS, summary="Adds places")
def create_places(body: NewPlaces) -> Added:
    return answer(router, "places", body.places, add_places)


@router.post("/places/curation", tags=TAGS, summary="Decides about places; Selected queues their deep scan")
def curate_places(body: Decision[PlaceFilter]) -> Decisions:
    cap, field = wiring_of(router).settings.api_bulk_max, curation_field(Place.curation_status)
    return write(
        router, Decisions, lambda connection: decide(connection, field, body, actor=caller_of(router), cap=cap)
    )
