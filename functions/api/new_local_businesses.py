"""Adds local businesses by Google's ids of their places: by hand, what a deep scan would have told."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from pydantic import Field
from sqlalchemy import Connection

from api.adding import Added, NewRecord, RowRefused, add, candidates
from api.curation_table import curation_field
from api.new_places import PLACE_ID
from scrapersky.models import LocalBusiness
from scrapersky.runtime.input_model import InputModel
from scrapersky.web.hosts import HostError, normalise_host
from scrapersky.web.urls import normalise_url


class NewLocalBusiness(NewRecord):
    """A local business to add. A deep scan of its place later replaces what Google knows, and keeps the decision."""

    place_id: str = Field(min_length=1, max_length=300, pattern=PLACE_ID, description="Google's id of its place")
    business_name: str | None = Field(None, max_length=500)
    full_address: str | None = Field(None, max_length=1_000)
    phone: str | None = Field(None, max_length=100)
    website_url: str | None = Field(None, description="absolute, http or https, on a website's host")
    main_category: str | None = Field(None, max_length=200)
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)

    def columns(self) -> dict[str, Any]:
        """The record's, without the decision. Raises :class:`RowRefused` for a website that cannot be one."""
        website = None if self.website_url is None else _website(self.website_url)
        return {**self.model_dump(exclude={"curation_status"}), "website_url": website}


class NewLocalBusinesses(InputModel):
    """Local businesses to add."""

    local_businesses: list[NewLocalBusiness] = Field(min_length=1)


def add_local_businesses(connection: Connection, businesses: Sequence[NewLocalBusiness]) -> Added:
    """Adds ``businesses`` within the caller's transaction; those that exist are left alone."""
    rows = candidates(businesses, given=attrgetter("place_id"), columns=NewLocalBusiness.columns)
    return add(connection, curation_field(LocalBusiness.curation_status), ["place_id"], rows)


def _website(given: str) -> str:
    url = normalise_url(given)
    if url is None:
        right = "an absolute http or https url without a login, such as https://example.com/, is right"
        raise RowRefused(f"website_url: {given[:100]!r} is none that a crawler may fetch; {right}")
    try:
        normalise_host(url)
    except HostError as error:
        raise RowRefused(f"website_url: {error}") from None
    return url
