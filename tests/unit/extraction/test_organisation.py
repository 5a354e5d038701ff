"""The organisation that a page's JSON-LD describes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapersky.extraction.json_ld import Graph, Node
from scrapersky.extraction.organisation import address_country, find_organisations, opening_hours, organisation_facts
from scrapersky.hours import DAYS
from scrapersky.web.storable import storable_json

CLOSED: dict[str, list[list[str]]] = {day: [] for day in DAYS}


def organisations(values: list[Any]) -> list[Node]:
    return find_organisations(Graph(values))


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
    )
)
def test_the_organisation_of_any_json_can_be_stored(value: Any) -> None:
    found = organisations([value, {"@type": "LocalBusiness", "name": "x", "address": value, "openingHours": value}])
    facts = organisation_facts(found)
    stored = json.dumps(storable_json([facts, value]), ensure_ascii=False, allow_nan=False)
    assert "\0" not in stored
    stored.encode()


BUSINESS = {
    "@context": "https://schema.org",
    "@type": ["LocalBusiness", "Dentist"],
    "name": "Smile &amp; Co",
    "telephone": ["+1-512-555-0100", ""],
    "email": "mailto:info@smile.com",
    "address": {
        "@type": "PostalAddress",
        "streetAddress": "500 W 2nd St",
        "addressLocality": "Austin",
        "addressRegion": "TX",
        "postalCode": 78701,
        "addressCountry": {"@type": "Country", "name": "USA"},
    },
    "geo": {"latitude": "30,26", "longitude": -97.74},
    "openingHours": "Mo-Fr 09:00-17:00",
    "sameAs": "https://www.facebook.com/smile",
}


def test_a_business_is_stored_with_normalised_facts() -> None:
    page = [
        {"@type": "WebSite", "name": "x", "url": "y", "publisher": {"@type": "Organization", "name": "Z", "url": "z"}}
    ]
    assert organisation_facts(organisations([*page, BUSINESS])) == {
        "name": "Smile & Co",
        "types": ["LocalBusiness", "Dentist"],
        "telephone": ["+1-512-555-0100"],
        "email": ["info@smile.com"],
        "address": {"street": "500 W 2nd St", "city": "Austin", "state": "TX", "zip": "78701", "country": "US"},
        "latitude": 30.26,
        "longitude": -97.74,
        "opening_hours": CLOSED | {day: [["09:00", "17:00"]] for day in list(CLOSED)[:5]},
        "same_as": ["https://www.facebook.com/smile"],
    }
    assert address_country(organisations([BUSINESS])) == "US"


def test_a_position_in_a_list_is_read() -> None:
    geo = [{"@type": "GeoCoordinates", "latitude": 48.3, "longitude": 14.3}]
    facts = organisation_facts(organisations([BUSINESS | {"geo": geo}]))
    assert (facts["latitude"], facts["longitude"]) == (48.3, 14.3)


def test_a_person_that_is_also_an_organisation_counts() -> None:
    jo = {"@type": ["Person", "Organization"], "name": "Jo"}
    assert organisation_facts(organisations([jo, {"@type": "Person", "name": "Al", "url": "u"}])) == {
        "name": "Jo",
        "types": ["Person", "Organization"],
    }


DETAILS = {"address": {"addressLocality": "Linz"}, "telephone": "+43 1 58858", "openingHours": "Mo-Fr 09:00-17:00"}
OTHER = {"@type": "Store", "name": "Other", **DETAILS}


@pytest.mark.parametrize(
    "node",
    [
        {"@type": "Event", "name": "Ball", "location": OTHER},
        {"@type": "Product", "name": "Saw", "brand": OTHER, "manufacturer": [OTHER]},
        {"@type": "Organization", "name": "Us", "department": OTHER, "review": {"@type": "Review", "author": OTHER}},
    ],
)
def test_related_organisations_count_only_where_there_are_no_others(node: dict[str, Any]) -> None:
    us = {"@type": "Organization", "name": "Us", "url": "https://us.at/"}
    assert organisation_facts(organisations([node, us]))["name"] == "Us"
    assert organisation_facts(organisations([{"@type": "Event", "location": OTHER}]))["name"] == "Other"


def test_references_to_other_nodes_are_resolved() -> None:
    shop = {
        "@type": "Store",
        "name": "x",
        "address": {"@id": "#a"},
        "geo": [{"@id": "#g"}],
        "logo": {"@id": "#unknown"},
    }
    graph = [shop, {"@id": "#a", "addressLocality": "Linz"}, {"@id": "#g", "latitude": 48.3, "longitude": 14.3}]
    assert organisation_facts(organisations([{"@graph": graph}]))["address"] == {"city": "Linz"}


def test_organisations_of_the_same_name_complete_each_other() -> None:
    other = {"@type": "Organization", "name": "Smile & Co", "url": "https://smile.com/", "email": "other@smile.com"}
    unrelated = {"@type": "Organization", "name": "Web Agency", "url": "https://agency.com/", "priceRange": "$"}
    facts = organisation_facts(organisations([other, unrelated, BUSINESS]))
    assert facts["url"] == "https://smile.com/"
    assert facts["email"] == ["info@smile.com"]
    assert "price_range" not in facts


@pytest.mark.parametrize(
    "kind", ["Person", "Product", "WebSite", "Event", "ProfilePage", "MusicEvent", "SoftwareApplication"]
)
def test_nodes_of_other_types_are_not_organisations(kind: str) -> None:
    assert organisations([BUSINESS | {"@type": kind}]) == []


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (
            {"openingHours": ["Mo,We 10:00-12:00", "Sa 9:00–13:00"]},
            {"monday": [["10:00", "12:00"]], "wednesday": [["10:00", "12:00"]], "saturday": [["09:00", "13:00"]]},
        ),
        (
            {"openingHours": "Sa-Mo 10:00-12:00"},
            {day: [["10:00", "12:00"]] for day in ("saturday", "sunday", "monday")},
        ),
        ({"openingHours": "Mo 09:00-12:00, Mo 13:00-17:00"}, {"monday": [["09:00", "12:00"], ["13:00", "17:00"]]}),
        ({"openingHours": "Mo 09:00-12:00,13:00-17:00"}, {"monday": [["09:00", "12:00"], ["13:00", "17:00"]]}),
        (
            {"openingHours": "Mo 9am - 5:30 p.m., Tu 12 pm-12am"},
            {"monday": [["09:00", "17:30"]], "tuesday": [["12:00", "00:00"]]},
        ),
        (
            {"openingHoursSpecification": {"dayOfWeek": "Mo,We", "opens": "9:00 AM", "closes": "5:00 PM"}},
            {"monday": [["09:00", "17:00"]], "wednesday": [["09:00", "17:00"]]},
        ),
        (
            {
                "openingHoursSpecification": {
                    "dayOfWeek": "https://schema.org/Friday",
                    "opens": "18:00",
                    "closes": "02:00",
                }
            },
            {"friday": [["18:00", "02:00"]]},
        ),
        (
            {
                "openingHoursSpecification": [
                    {"dayOfWeek": ["Monday", "Tuesday"], "opens": "09:00:00", "closes": "23:59"}
                ]
            },
            {"monday": [["09:00", "24:00"]], "tuesday": [["09:00", "24:00"]]},
        ),
        ({"openingHoursSpecification": [{"dayOfWeek": "Sunday", "opens": "00:00", "closes": "00:00"}]}, {}),
    ],
)
def test_opening_hours_are_stored_per_day(node: dict[str, Any], expected: dict[str, Any]) -> None:
    assert opening_hours(Node(node)) == CLOSED | expected


@pytest.mark.parametrize(
    "node",
    [
        {},
        {"openingHours": "by appointment"},
        {"openingHours": "Mo 99:00-17:00"},
        {
            "openingHoursSpecification": [
                {"opens": "09:00", "closes": "17:00", "dayOfWeek": "Monday", "validFrom": "2026-12-24"}
            ]
        },
        {"openingHoursSpecification": "always"},
    ],
)
def test_hours_that_cannot_be_read_are_absent(node: dict[str, Any]) -> None:
    assert opening_hours(Node(node)) is None


@pytest.mark.parametrize(
    "script",
    [
        '{"@type": "schema:Bakery", "schema:name": "Shop", "schema:email": "a@b.com"}',
        '{"@type": ["http://schema.org/Bakery"], "http://schema.org/name": [{"@value": "Shop"}], "schema:email": "a@b.com"}',
        "{&quot;@type&quot;: &quot;Bakery&quot;, &quot;name&quot;: &quot;Shop&quot;, &quot;email&quot;: &quot;a@b.com&quot;}",
    ],
    ids=["prefixed", "expanded", "escaped"],
)
def test_names_with_the_vocabularys_prefix_are_read(script: str) -> None:
    facts = organisation_facts(find_organisations(Graph.parse([script])))
    assert (facts["name"], facts["types"], facts["email"]) == ("Shop", ["Bakery"], ["a@b.com"])
