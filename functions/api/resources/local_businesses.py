"""Local businesses. ``Selected`` queues the domain extraction."""

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
from api.rows import Known, NewOfPlace, RowRefused
from scrapersky.lists.tables import LocalBusinessFilter
from scrapersky.models import LocalBusiness
from scrapersky.runtime.input_model import InputModel, Number
from scrapersky.runtime.registry import DOMAIN_EXTRACTION
from scrapersky.vocabulary import Curation, Status
from scrapersky.web.hosts import HostError, normalise_host
from scrapersky.web.urls import normalise_url

router = Router()
TAGS = ["local-businesses"]


class LocalBusinessView(View):
    """A local business."""

    place_id: str
    business_name: str | None
    full_address: str | None
    street: str | None
    city: str | None
    state: str | None
    zip: str | None
    country: str | None
    phone: str | None
    website_url: str | None
    maps_url: str | None
    rating: float | None
    reviews_count: int | None
    price_level: int | None
    main_category: str | None
    extra_categories: list[str] | None
    latitude: float | None
    longitude: float | None
    utc_offset_minutes: int | None
    time_zone: str | None
    business_status: str | None
    opening_hours: dict[str, Any] | None
    scanned_at: datetime | None
    domain_id: int | None
    curation_status: Curation
    domain_extraction_status: Status
    domain_extraction_due_at: datetime | None
    domain_extraction_failures: int
    domain_extraction_error_code: str | None
    domain_extraction_error: str | None
    created_at: datetime
    updated_at: datetime


class LocalBusinessQuery(Paging, LocalBusinessFilter):
    """The query parameters of a listing."""

    order: Literal[
        "id", "-id", "reviews_count", "-reviews_count", "city", "-city", "main_category", "-main_category"
    ] = ORDER


class NewLocalBusiness(NewOfPlace):
    """A local business to add. A later deep scan of its place replaces what Google knows and keeps the decision."""

    business_name: str | None = Field(None, max_length=500)
    full_address: str | None = Field(None, max_length=1_000)
    phone: str | None = Field(None, max_length=100)
    website_url: str | None = Field(None, description="absolute, http or https, on a website's host")
    main_category: str | None = Field(None, max_length=200)
    latitude: Number | None = Field(None, ge=-90, le=90)
    longitude: Number | None = Field(None, ge=-180, le=180)

    def columns(self, known: Known) -> dict[str, Any]:
        """Return the record's columns, with the normalised website. Raises :class:`RowRefused`."""
        website = None if self.website_url is None else _website(self.website_url)
        return {**super().columns(known), "website_url": website}


class NewLocalBusinesses(InputModel):
    """Local businesses to add."""

    local_businesses: list[NewLocalBusiness] = Field(min_length=1)


LOCAL_BUSINESSES = Resource(
    model=LocalBusiness,
    view=LocalBusinessView,
    filters=LocalBusinessFilter,
    key=("place_id",),
    curation={"curation_status": DOMAIN_EXTRACTION},
)


@router.get("/local-businesses", tags=TAGS, summary="List local businesses")
def list_local_businesses(query: Annotated[LocalBusinessQuery, Query()]) -> Listing[LocalBusinessView]:
    return list_records(router, LOCAL_BUSINESSES, query)


@router.get("/local-businesses/<record_id>", tags=TAGS, summary="Return one local business")
def read_local_business(record_id: RecordIdInPath) -> LocalBusinessView:
    return read_record(router, LOCAL_BUSINESSES, record_id)


@router.post("/local-businesses", tags=TAGS, summary="Add a local business", status_code=HTTPStatus.CREATED)
def create_local_business(body: NewLocalBusiness) -> Added:
    return add_records(router, LOCAL_BUSINESSES, [body], alone=True)


@router.post("/local-businesses/bulk", tags=TAGS, summary="Add local businesses")
def create_local_businesses(body: NewLocalBusinesses) -> Added:
    return add_records(router, LOCAL_BUSINESSES, body.local_businesses)


@router.post("/local-businesses/csv", tags=TAGS, summary="Add the local businesses of a CSV file")
def import_local_businesses(query: Annotated[CsvQuery, Query()]) -> Added:
    return import_records(router, LOCAL_BUSINESSES, NewLocalBusiness, query)


@router.post(
    "/local-businesses/curation", tags=TAGS, summary="Curate local businesses; Selected queues domain extraction"
)
def curate_local_businesses(body: Decision[LocalBusinessFilter]) -> Decisions:
    return curate(router, LOCAL_BUSINESSES, body)


def _website(given: str) -> str:
    url = normalise_url(given)
    if url is None:
        valid = "an absolute http or https url without a login is needed, such as https://example.com/"
        raise RowRefused(f"website_url: {given[:100]!r} is not a url that a crawler may fetch; {valid}")
    try:
        normalise_host(url)
    except HostError as error:
        raise RowRefused(f"website_url: {error}") from None
    return url


@router.post("/local-businesses/requeue", tags=TAGS, summary="Queue domain extractions again, without a decision")
def requeue_local_businesses(body: Requeue[LocalBusinessFilter]) -> Moved:
    return move(router, LOCAL_BUSINESSES, DOMAIN_EXTRACTION, "requeue", body)


@router.post("/local-businesses/cancel", tags=TAGS, summary="Cancel queued domain extractions")
def cancel_local_businesses(body: Move[LocalBusinessFilter]) -> Moved:
    return move(router, LOCAL_BUSINESSES, DOMAIN_EXTRACTION, "cancel", body)
