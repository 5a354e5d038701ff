"""Places, as map searches found them. ``Selected`` queues the deep scan."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field

from api.adding import Added, add_records
from api.csv_import import CsvQuery, import_records
from api.curation import Decision, Decisions, curate
from api.listing import Listing, RecordIdInPath, list_records, read_record
from api.moving import Move, Moved, Requeue, move
from api.resource import ORDER, Paging, Resource, View
from api.rows import NewOfPlace
from scrapersky.lists.tables import PlaceFilter
from scrapersky.models import Place
from scrapersky.runtime.input_model import InputModel, Number
from scrapersky.runtime.registry import DEEP_SCAN
from scrapersky.vocabulary import Curation, Status

router = Router()
TAGS = ["places"]


class PlaceView(View):
    """A place, before and after its deep scan."""

    place_id: str
    name: str | None
    formatted_address: str | None
    search_query: str | None
    latitude: float | None
    longitude: float | None
    moved_to_place_id: str | None
    curation_status: Curation
    deep_scan_status: Status
    deep_scan_due_at: datetime | None
    deep_scan_failures: int
    deep_scan_error_code: str | None
    deep_scan_error: str | None
    created_at: datetime
    updated_at: datetime


class PlaceQuery(Paging, PlaceFilter):
    """The query parameters of a listing."""

    order: Literal["id", "-id", "place_id", "-place_id", "search_query", "-search_query"] = ORDER


class NewPlace(NewOfPlace):
    """A place to add."""

    name: str | None = Field(None, max_length=500)
    formatted_address: str | None = Field(None, max_length=1_000)
    search_query: str | None = Field(None, max_length=500)
    latitude: Number | None = Field(None, ge=-90, le=90)
    longitude: Number | None = Field(None, ge=-180, le=180)


class NewPlaces(InputModel):
    """Places to add."""

    places: list[NewPlace] = Field(min_length=1)


PLACES = Resource(
    model=Place,
    view=PlaceView,
    filters=PlaceFilter,
    key=("place_id",),
    curation={"curation_status": DEEP_SCAN},
)


@router.get("/places", tags=TAGS, summary="List places")
def list_places(query: Annotated[PlaceQuery, Query()]) -> Listing[PlaceView]:
    return list_records(router, PLACES, query)


@router.get("/places/<record_id>", tags=TAGS, summary="Return one place")
def read_place(record_id: RecordIdInPath) -> PlaceView:
    return read_record(router, PLACES, record_id)


@router.post("/places", tags=TAGS, summary="Add a place", status_code=HTTPStatus.CREATED)
def create_place(body: NewPlace) -> Added:
    return add_records(router, PLACES, [body], alone=True)


@router.post("/places/bulk", tags=TAGS, summary="Add places")
def create_places(body: NewPlaces) -> Added:
    return add_records(router, PLACES, body.places)


@router.post("/places/csv", tags=TAGS, summary="Add the places of a CSV file")
def import_places(query: Annotated[CsvQuery, Query()]) -> Added:
    return import_records(router, PLACES, NewPlace, query)


@router.post("/places/curation", tags=TAGS, summary="Curate places; Selected queues their deep scan")
def curate_places(body: Decision[PlaceFilter]) -> Decisions:
    return curate(router, PLACES, body)


@router.post("/places/requeue", tags=TAGS, summary="Queue deep scans again, without a decision")
def requeue_places(body: Requeue[PlaceFilter]) -> Moved:
    return move(router, PLACES, DEEP_SCAN, "requeue", body)


@router.post("/places/cancel", tags=TAGS, summary="Cancel queued deep scans")
def cancel_places(body: Move[PlaceFilter]) -> Moved:
    return move(router, PLACES, DEEP_SCAN, "cancel", body)
