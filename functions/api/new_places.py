"""Adds places by Google's ids, as a map search found them."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from pydantic import Field
from sqlalchemy import Connection

from api.adding import Added, NewRecord, add, candidates
from api.curation_table import curation_field
from scrapersky.models import Place
from scrapersky.runtime.input_model import InputModel

PLACE_ID = r"^[A-Za-z0-9_-]+$"


class NewPlace(NewRecord):
    """A place to add."""

    place_id: str = Field(min_length=1, max_length=300, pattern=PLACE_ID, description="Google's id")
    name: str | None = Field(None, max_length=500)
    formatted_address: str | None = Field(None, max_length=1_000)
    search_query: str | None = Field(None, max_length=500)
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)

    def columns(self) -> dict[str, Any]:
        """The record's, without the decision."""
        return self.model_dump(exclude={"curation_status"})


class NewPlaces(InputModel):
    """Places to add."""

    places: list[NewPlace] = Field(min_length=1)


def add_places(connection: Connection, places: Sequence[NewPlace]) -> Added:
    """Adds ``places`` within the caller's transaction; those that exist are left alone."""
    rows = candidates(places, given=attrgetter("place_id"), columns=NewPlace.columns)
    return add(connection, curation_field(Place.curation_status), ["place_id"], rows)
