"""Map searches. ``Selected`` searches the map, or searches it again. Their tiles are records of the same table."""

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Literal

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel, Field
from sqlalchemy import text

from api.adding import Added, add_records
from api.csv_import import CsvQuery, add_rows, rows_of
from api.curation import Decision, Decisions, curate
from api.dependencies import dependencies_of
from api.listing import Listing, RecordIdInPath, list_records, read_record
from api.moving import Move, Moved, Requeue, move
from api.resource import ORDER, Paging, Resource, View
from api.rows import Known, NewRecord, RowRefused
from scrapersky.areas import MAX_TEXT, AreaError, most_calls, tidy_area
from scrapersky.lists.tables import PlaceSearchFilter
from scrapersky.models import PlaceSearch
from scrapersky.runtime.input_model import Flag, InputModel
from scrapersky.runtime.registry import PLACE_SEARCH
from scrapersky.vocabulary import Curation, Status

router = Router()
TAGS = ["place-searches"]

PROGRESS = text("""
SELECT
    ARRAY(SELECT status || ' ' || count(*) FROM place_searches WHERE id = :root OR root_id = :root GROUP BY status),
    ARRAY(SELECT deep_scan_status || ' ' || count(*) FROM places_found JOIN places ON places.id = places_found.place_id
          WHERE search_id = :root GROUP BY deep_scan_status),
    (SELECT coalesce(sum(calls), 0) FROM paid_calls
     WHERE budget = 'places' AND key = :key AND day = ANY(ARRAY(
         SELECT day::date FROM generate_series(now() - interval '366 days', now() + interval '1 day', '1 day') AS day)))
""")


class PlaceSearchView(View):
    """A map search, or one tile of it, as of its last run."""

    name: str
    text: str
    area: str
    tile: str = Field(description="empty for a search")
    parent_id: int | None
    root_id: int | None = Field(description="of a tile: the search")
    rectangle: list[float] | None = Field(description="of a tile: south, west, north, east in degrees")
    is_split: bool
    places_found: int | None
    searched_at: datetime | None
    curation_status: Curation
    status: Status
    due_at: datetime | None
    failures: int
    error_code: str | None
    error: str | None
    created_at: datetime
    updated_at: datetime


class Progress(BaseModel):
    """How far a search with all its tiles is."""

    records: dict[Status, int] = Field(description="the search and its tiles by status")
    places: dict[Status, int] = Field(description="the places that it found, by the status of their deep scan")
    calls: int = Field(description="paid calls of the search, as far as the history is kept")


class PlaceSearchWithProgress(PlaceSearchView):
    """A map search with the progress of all its tiles; a tile with that of its search."""

    progress: Progress


class PlaceSearchQuery(Paging, PlaceSearchFilter):
    """The query parameters of a listing."""

    order: Literal["id", "-id"] = ORDER


class NewPlaceSearch(NewRecord):
    """A map search to add."""

    identifying: ClassVar[tuple[str, ...]] = ("text",)

    text: str = Field(min_length=1, max_length=MAX_TEXT, description="what to search, such as bakeries")
    area: str = Field(
        min_length=1, max_length=MAX_TEXT, description="the name of a town, or south,west,north,east in degrees"
    )

    def given(self) -> str:
        """Return text and area."""
        return f"{self.text} in {self.area}"

    def columns(self, known: Known) -> dict[str, Any]:
        """Return text and area as they are stored, and the name that follows from them. Raises :class:`RowRefused`."""
        wanted = " ".join(self.text.split())
        if not wanted:
            raise RowRefused("text: it is blank; write what to search, such as bakeries")
        try:
            area = tidy_area(self.area)
        except AreaError as error:
            raise RowRefused(str(error)) from None
        tenant = known.tenant_for(None)
        return {"text": wanted, "area": area, "name": f"{wanted} in {area}", "tenant": tenant}


class OnePlaceSearch(NewPlaceSearch):
    """One map search to add."""

    dry_run: Flag = Field(False, description="add nothing; answer what it may cost")


class NewPlaceSearches(InputModel):
    """Map searches to add."""

    place_searches: list[NewPlaceSearch] = Field(min_length=1)
    dry_run: Flag = Field(False, description="add nothing; answer what they may cost")


class AddedSearches(Added):
    """The result of each row, and what the new searches may cost at most, within a day's budget each."""

    dry_run: bool
    calls_at_most: int
    dollars_at_most: float = Field(description="by PLACES_SEARCH_DOLLARS")


PLACE_SEARCHES = Resource(
    model=PlaceSearch,
    view=PlaceSearchView,
    filters=PlaceSearchFilter,
    key=("name",),
    curation={"curation_status": PLACE_SEARCH},
)


@router.get("/place-searches", tags=TAGS, summary="List map searches")
def list_place_searches(query: Annotated[PlaceSearchQuery, Query()]) -> Listing[PlaceSearchView]:
    return list_records(router, PLACE_SEARCHES, query)


@router.get("/place-searches/<record_id>", tags=TAGS, summary="Return one map search with its progress")
def read_place_search(record_id: RecordIdInPath) -> PlaceSearchWithProgress:
    found = read_record(router, PLACE_SEARCHES, record_id)
    root = found.root_id or found.id
    with dependencies_of(router).database.autocommit() as connection:
        values = {"root": root, "key": f"{PLACE_SEARCH.name}:{root}"}
        records, places, calls = connection.execute(PROGRESS, values).one()
    progress = Progress(records=_counted(records), places=_counted(places), calls=calls)
    return PlaceSearchWithProgress(**found.model_dump(), progress=progress)


@router.post("/place-searches", tags=TAGS, summary="Add a map search", status_code=HTTPStatus.CREATED)
def create_place_search(body: OnePlaceSearch) -> AddedSearches:
    added = add_records(router, PLACE_SEARCHES, [body], alone=True, dry_run=body.dry_run)
    return _priced(added, [body], body.dry_run)


@router.post("/place-searches/bulk", tags=TAGS, summary="Add map searches")
def create_place_searches(body: NewPlaceSearches) -> AddedSearches:
    added = add_records(router, PLACE_SEARCHES, body.place_searches, dry_run=body.dry_run)
    return _priced(added, body.place_searches, body.dry_run)


@router.post("/place-searches/csv", tags=TAGS, summary="Add the searches of a CSV file with columns text and area")
def import_place_searches(query: Annotated[CsvQuery, Query()]) -> AddedSearches:
    rows = rows_of(router, NewPlaceSearch, query)
    return _priced(add_rows(router, PLACE_SEARCHES, rows, query), list(rows.values()), query.is_dry_run)


@router.post("/place-searches/curation", tags=TAGS, summary="Curate map searches; Selected searches again")
def curate_place_searches(body: Decision[PlaceSearchFilter]) -> Decisions:
    return curate(router, PLACE_SEARCHES, body)


@router.post("/place-searches/requeue", tags=TAGS, summary="Search again, without a decision")
def requeue_place_searches(body: Requeue[PlaceSearchFilter]) -> Moved:
    return move(router, PLACE_SEARCHES, PLACE_SEARCH, "requeue", body)


@router.post("/place-searches/cancel", tags=TAGS, summary="Cancel queued map searches")
def cancel_place_searches(body: Move[PlaceSearchFilter]) -> Moved:
    return move(router, PLACE_SEARCHES, PLACE_SEARCH, "cancel", body)


def _priced(added: Added, rows: Sequence[NewRecord], dry_run: bool) -> AddedSearches:
    settings = dependencies_of(router).settings
    new = [row for row, result in zip(rows, added.results, strict=True) if result.result in ("created", "queued")]
    calls = sum(most_calls(row.area, settings) for row in new if isinstance(row, NewPlaceSearch))
    dollars = round(calls * settings.places_search_dollars / 1_000, 2)
    return AddedSearches(**added.model_dump(), dry_run=dry_run, calls_at_most=calls, dollars_at_most=dollars)


def _counted(counts: Sequence[str]) -> dict[Status, int]:
    return {Status(status): int(number) for status, number in (one.split(" ") for one in counts)}
