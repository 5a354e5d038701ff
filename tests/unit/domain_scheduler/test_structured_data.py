"""JSON-LD as it is found in the wild, and the organisation it describes."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain_scheduler.opening_times import opening_times
from domain_scheduler.organisation import address_country, organisation_facts, organisations
from domain_scheduler.structured_data import nodes, read_json_ld, texts, types_of
from scrapersky.web.storable import storable_json

CLOSED: dict[str, list[list[str]]] = {
    day: [] for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('{"a": 1}', [{"a": 1}]),
        (' [{"a": 1}] ', [[{"a": 1}]]),
        ('<!-- {"a": 1} -->', [{"a": 1}]),
        ('//<![CDATA[\n{"a": 1}\n//]]>', [{"a": 1}]),
        ('/*<![CDATA[*/{"a": 1}/*]]>*/', [{"a": 1}]),
        ('{"a": [1, 2,],}', [{"a": [1, 2]}]),
        ('{"a": 1};', [{"a": 1}]),
        ('{"a": 1}\n{"b": 2}', [{"a": 1}, {"b": 2}]),
        ('{"a": 1} trailing', [{"a": 1}]),
        ('{"a": "line\nbreak"}', [{"a": "line\nbreak"}]),
        ('{"a": "x --> y"}', [{"a": "x --> y"}]),
        ("", []),
        ("not json", []),
        ('{"a": ', []),
        ("[" * 100_000, []),
        ('{"a": NaN}', [{"a": None}]),
        ('{"a": 1}\n}', [{"a": 1}]),
        ('\ufeff{"a":\u00a01}', [{"a": 1}]),
        ('{"a": 1, // one\n /* two */ "b": "http://c"}', [{"a": 1, "b": "http://c"}]),
        ('{"a": "x"\n"b": {"c": 2} "d": [1 2]}', [{"a": "x", "b": {"c": 2}, "d": [1, 2]}]),
        ("{'a': 'it\\'s', b: true, c: none}", [{"a": "it's", "b": True, "c": "none"}]),
        ("{“a”: “x”, „b“: null}", [{"a": "x", "b": None}]),
        ('{"a": "the "best" shop", "b": 1,}', [{"a": 'the "best" shop', "b": 1}]),
        (r'{"a": "100\% \u00e4 \"q\" \\", "b": "Jo\'s",}', [{"a": '100% ä "q" \\', "b": "Jo's"}]),
        ('{"a": {"b": 1, "c": [2, "half a str', [{"a": {"b": 1, "c": [2]}}]),
        ('{"a": {"b": 1}, "c": 2', [{"a": {"b": 1}, "c": 2}]),
        ('{"a": [1, 2}, "b": 3}', [{"a": [1, 2]}]),
        ('var x = {"a": 1}; y([{"b": 2}])', [{"a": 1}, [{"b": 2}]]),
        ('{"schema:name": "x",}', [{"name": "x"}]),
        ("{&quot;@type&quot;: &quot;A&quot;,}", [{"@type": "A"}]),
        ('{"a": {{ price }}, "b": 1}', [{"a": {}, "b": 1}]),
    ],
)
def test_what_can_be_read_is_read(script: str, expected: list[Any]) -> None:
    assert read_json_ld([script]) == expected


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "{",
            "[",
            '{"a":',
            ",}",
            "<!--",
            " ",
            "]]>",
            "-->  ",
            '{"a":1}',
            "\\",
            '"',
            "'",
            '{"',
            "{'a",
            "/*",
            "//",
            "{}x",
        ),
        *('{"a" "', '["' + " " * 99, "{“", "[" * 99 + "]" * 99 + "x", "{" * 101 + "}" * 101, "[1 ", '{"a":"b"c'),
    ],
)
def test_a_megabyte_of_almost_json_takes_no_time(piece: str) -> None:
    script = piece * (1_000_000 // len(piece))
    began = time.process_time()
    list(nodes(read_json_ld([script])))
    assert time.process_time() - began < 3


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
    )
)
def test_any_json_can_be_read_as_an_organisation_and_stored(value: Any) -> None:
    found = organisations([value, {"@type": "LocalBusiness", "name": "x", "address": value, "openingHours": value}])
    facts = organisation_facts(found)
    stored = json.dumps(storable_json([facts, value]), ensure_ascii=False, allow_nan=False)
    assert "\0" not in stored
    stored.encode()


def test_nodes_are_found_at_any_depth_in_the_order_of_the_page() -> None:
    value = {"@graph": [{"@type": "A", "x": {"@type": "B"}}, {"@type": ["https://schema.org/C", "D"]}]}
    assert [types_of(node) for node in nodes([value])] == [[], ["A"], ["B"], ["C", "D"]]


def test_texts_come_in_many_shapes() -> None:
    assert texts(["a", " ", {"name": "b"}, {"@value": "c"}, 4, None, True, ["d"]]) == ["a", "b", "c", "4"]


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


def test_an_organisation_is_told_in_our_words() -> None:
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


def test_who_writes_of_a_person_as_an_organisation_is_one() -> None:
    jo = {"@type": ["Person", "Organization"], "name": "Jo"}
    assert organisation_facts(organisations([jo, {"@type": "Person", "name": "Al", "url": "u"}])) == {
        "name": "Jo",
        "types": ["Person", "Organization"],
    }


MUCH = {"address": {"addressLocality": "Linz"}, "telephone": "+43 1 58858", "openingHours": "Mo-Fr 09:00-17:00"}
OTHER = {"@type": "Store", "name": "Other", **MUCH}


@pytest.mark.parametrize(
    "node",
    [
        {"@type": "Event", "name": "Ball", "location": OTHER},
        {"@type": "Product", "name": "Saw", "brand": OTHER, "manufacturer": [OTHER]},
        {"@type": "Organization", "name": "Us", "department": OTHER, "review": {"@type": "Review", "author": OTHER}},
    ],
)
def test_other_peoples_organisations_count_where_there_are_no_others(node: dict[str, Any]) -> None:
    us = {"@type": "Organization", "name": "Us", "url": "https://us.at/"}
    assert organisation_facts(organisations([node, us]))["name"] == "Us"
    assert organisation_facts(organisations([{"@type": "Event", "location": OTHER}]))["name"] == "Other"


def test_what_is_said_elsewhere_is_looked_up() -> None:
    shop = {
        "@type": "Store",
        "name": "x",
        "address": {"@id": "#a"},
        "geo": [{"@id": "#g"}],
        "logo": {"@id": "#unknown"},
    }
    graph = [shop, {"@id": "#a", "addressLocality": "Linz"}, {"@id": "#g", "latitude": 48.3, "longitude": 14.3}]
    assert organisation_facts(organisations([{"@graph": graph}]))["address"] == {"city": "Linz"}


def test_others_of_the_same_name_complete_it() -> None:
    other = {"@type": "Organization", "name": "Smile & Co", "url": "https://smile.com/", "email": "other@smile.com"}
    stranger = {"@type": "Organization", "name": "Web Agency", "url": "https://agency.com/", "priceRange": "$"}
    facts = organisation_facts(organisations([other, stranger, BUSINESS]))
    assert facts["url"] == "https://smile.com/"
    assert facts["email"] == ["info@smile.com"]
    assert "price_range" not in facts


@pytest.mark.parametrize(
    "kind", ["Person", "Product", "WebSite", "Event", "ProfilePage", "MusicEvent", "SoftwareApplication"]
)
def test_other_things_are_no_organisations(kind: str) -> None:
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
def test_opening_hours_are_told_per_day(node: dict[str, Any], expected: dict[str, Any]) -> None:
    assert opening_times(node) == CLOSED | expected


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
def test_hours_that_cannot_be_understood_are_not_told(node: dict[str, Any]) -> None:
    assert opening_times(node) is None


@pytest.mark.parametrize(
    "script",
    [
        '{"@type": "schema:Bakery", "schema:name": "Shop", "schema:email": "a@b.com"}',
        '{"@type": ["http://schema.org/Bakery"], "http://schema.org/name": [{"@value": "Shop"}], "schema:email": "a@b.com"}',
        "{&quot;@type&quot;: &quot;Bakery&quot;, &quot;name&quot;: &quot;Shop&quot;, &quot;email&quot;: &quot;a@b.com&quot;}",
    ],
    ids=["prefixed", "expanded", "escaped"],
)
def test_the_vocabulary_may_be_spelled_out(script: str) -> None:
    facts = organisation_facts(organisations(read_json_ld([script])))
    assert (facts["name"], facts["types"], facts["email"]) == ("Shop", ["Bakery"], ["a@b.com"])
