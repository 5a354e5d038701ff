"""Runners of the cases about facts of a business: its address, phone numbers, opening hours and website."""

from collections.abc import Callable
from typing import Any

import pytest

from domain_scheduler.client_redirects import redirect_target
from scrapersky.extraction.phones import numbers_in
from scrapersky.hours import hours_from_periods
from scrapersky.web.hosts import normalise_host
from sitemap_scheduler.domain_extraction import owner_of
from sitemap_scheduler.place_mapping import business_columns
from tests.unit.domain_scheduler.pages import a_page, facts_of


def street(given: dict[str, Any], expected: object, request: pytest.FixtureRequest) -> object:
    """Return the street of a business with these address components."""
    number = {"longText": given["number"], "shortText": given["number"], "types": ["street_number"]}
    route = {"longText": given["long"], "shortText": given["short"], "types": ["route"]}
    return business_columns({"addressComponents": [number, route], "formattedAddress": given["formatted"]})["street"]


def phones(given: dict[str, Any], expected: object, request: pytest.FixtureRequest) -> object:
    """Return the phone numbers in a text."""
    return list(numbers_in(given["text"], given["countries"]))


def facts(given: dict[str, Any], expected: dict[str, Any], request: pytest.FixtureRequest) -> object:
    """Return the expected columns as the home page states them."""
    found = facts_of(given["html"])
    return {column: found.get(column) for column in expected}


def hours(given: dict[str, Any], expected: dict[str, Any] | None, request: pytest.FixtureRequest) -> object:
    """Return the opening hours of the expected days, or None if they are unknown."""
    found = facts_of(given["html"]).get("organisation", {})
    week = found.get("opening_hours") if isinstance(found, dict) else None
    return None if week is None else {day: week.get(day) for day in expected or week}


def refresh(given: dict[str, Any], expected: object, request: pytest.FixtureRequest) -> object:
    """Return where the page sends its visitor."""
    return redirect_target(a_page(given["html"]))


def owner(given: dict[str, Any], expected: object, request: pytest.FixtureRequest) -> object:
    """Return whether the website belongs to a listed site, and not to the business."""
    return owner_of(normalise_host(given["website"])) is not None


def periods(given: dict[str, Any], expected: object, request: pytest.FixtureRequest) -> object:
    """Return the hours of Google's periods."""
    return hours_from_periods(given["periods"])


RUNNERS: dict[str, Callable[[dict[str, Any], Any, pytest.FixtureRequest], object]] = {
    "street": street, "phones": phones, "facts": facts, "hours": hours, "refresh": refresh, "owner": owner,
    "periods": periods,
}  # fmt: skip
