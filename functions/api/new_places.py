"""Adds places by Google's ids, as a map search found them."""

from collections import Counter
from collections.abc import Sequence

from pydantic import Field
from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from api.curation import SAY_WHO
from api.new_domains import Added, AddedRow
from api.problem import invalid
from scrapersky.models import Place
from scrapersky.models.vocabulary import Curation, Status
from scrapersky.service.given import Given


class NewPlace(Given):
    """A place to add."""

    place_id: str = Field(min_length=1, max_length=300, pattern=r"^[A-Za-z0-9_-]+$", description="Google's id")
    name: str | None = Field(None, max_length=500)
    formatted_address: str | None = Field(None, max_length=1_000)
    search_query: str | None = Field(None, max_length=500)
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)
    curation_status: Curation = Field(Curation.NEW, description="Selected queues its deep scan at once")


class NewPlaces(Given):
    """Places to add."""

    places: list[NewPlace] = Field(min_length=1)


def add_places(connection: Connection, places: Sequence[NewPlace], *, actor: str, cap: int) -> Added:
    """Adds ``places`` within the caller's transaction; those that exist are left alone."""
    if len(places) > cap:
        raise invalid("places", f"{len(places)} rows are too many at once; at most {cap} are right")
    connection.execute(SAY_WHO, {"actor": actor, "reason": "added"})
    first: dict[str, int] = {}
    for number, place in enumerate(places, 1):
        first.setdefault(place.place_id, number)
    wanted = sorted((places[number - 1] for number in first.values()), key=lambda place: place.place_id)
    statement = (
        insert(Place)
        .values([{**place.model_dump(), "deep_scan_status": _status(place)} for place in wanted])
        .on_conflict_do_nothing(index_elements=["place_id"])
        .returning(Place.place_id)
    )
    created = set(connection.execute(statement).scalars())
    known = select(Place.place_id, Place.id).where(Place.place_id.in_(first))
    ids = {row.place_id: row.id for row in connection.execute(known)}
    results = [
        _row(number, place, ids[place.place_id], first=first[place.place_id], created=place.place_id in created)
        for number, place in enumerate(places, 1)
    ]
    return Added(results=results, counts=dict(Counter(one.result for one in results)))


def _status(place: NewPlace) -> Status:
    return Status.QUEUED if place.curation_status == Curation.SELECTED else Status.NEW


def _row(number: int, place: NewPlace, record_id: int, *, first: int, created: bool) -> AddedRow:
    row = AddedRow(row=number, given=place.place_id, result="created", id=record_id)
    if number != first:
        row.result, row.why = "duplicate", f"the same as row {first}"
    elif not created:
        row.result, row.why = "exists", "it was there before, and is left as it is"
    elif _status(place) == Status.QUEUED:
        row.result = "queued"
    return row
