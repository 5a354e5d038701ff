"""The fields of Google's answer as columns."""

from typing import Any

import pytest

from sitemap_scheduler.place_mapping import business_columns, place_columns


def component(kind: str, long: str, short: str | None = None) -> dict[str, Any]:
    return {"longText": long, "shortText": short or long, "types": [kind, "political"]}


AUSTIN = {
    "id": "ChIJ1",
    "displayName": {"text": "Smile Dental", "languageCode": "en"},
    "formattedAddress": "500 W 2nd St, Austin, TX 78701, USA",
    "addressComponents": [
        component("street_number", "500"),
        component("route", "West 2nd Street", "W 2nd St"),
        component("locality", "Austin"),
        component("administrative_area_level_2", "Travis County"),
        component("administrative_area_level_1", "Texas", "TX"),
        component("country", "United States", "US"),
        component("postal_code", "78701"),
    ],
    "location": {"latitude": 30.26, "longitude": -97.74},
    "types": ["dentist", "point_of_interest"],
    "primaryType": "dentist",
    "businessStatus": "OPERATIONAL",
    "nationalPhoneNumber": "(512) 555-0100",
    "internationalPhoneNumber": "+1 512-555-0100",
    "websiteUri": "https://smile.example/",
    "googleMapsUri": "https://maps.google.com/?cid=1",
    "rating": 4.6,
    "userRatingCount": 123,
    "priceLevel": "PRICE_LEVEL_MODERATE",
    "utcOffsetMinutes": -300,
    "timeZone": {"id": "America/Chicago"},
    "regularOpeningHours": {"periods": [{"open": {"day": 1, "hour": 9}, "close": {"day": 1, "hour": 17}}]},
}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("business_name", "Smile Dental"),
        ("full_address", "500 W 2nd St, Austin, TX 78701, USA"),
        ("street", "500 West 2nd Street"),
        ("city", "Austin"),
        ("state", "TX"),
        ("zip", "78701"),
        ("country", "US"),
        ("phone", "+15125550100"),
        ("website_url", "https://smile.example/"),
        ("maps_url", "https://maps.google.com/?cid=1"),
        ("rating", 4.6),
        ("reviews_count", 123),
        ("price_level", 2),
        ("main_category", "dentist"),
        ("extra_categories", ["point_of_interest"]),
        ("latitude", 30.26),
        ("longitude", -97.74),
        ("utc_offset_minutes", -300),
        ("time_zone", "America/Chicago"),
        ("business_status", "OPERATIONAL"),
    ],
)
def test_each_field_is_stored_in_its_column(column: str, value: object) -> None:
    assert business_columns(AUSTIN)[column] == value


def test_opening_hours_are_stored_per_day() -> None:
    hours = business_columns(AUSTIN)["opening_hours"]
    assert hours["monday"] == [["09:00", "17:00"]]
    assert hours["sunday"] == []


@pytest.mark.parametrize(
    ("number", "route", "formatted", "street"),
    [
        ("500", "Main St", "500 Main St, Austin", "500 Main St"),
        ("4", "Querstraße", "Querstraße 4, 24376 Kappeln", "Querstraße 4"),
        (None, "Main St", "Main St, Austin", "Main St"),
        ("4", None, "Austin", None),
    ],
)
def test_a_street_has_the_word_order_of_its_country(
    number: str | None, route: str | None, formatted: str, street: str | None
) -> None:
    components = [component("street_number", number)] if number else []
    components += [component("route", route)] if route else []
    columns = business_columns({"formattedAddress": formatted, "addressComponents": components})
    assert columns.get("street") == street


@pytest.mark.parametrize(
    ("number", "long", "short", "formatted", "street"),
    [
        ("1600", "Amphitheatre Parkway", "Amphitheatre Pkwy", "1600 Amphitheatre Pkwy, CA 94043", "1600 Amphitheatre Parkway"),
        ("8", "Avenue de l'Opéra", "Av. de l'Opéra", "8 Av. de l'Opéra, 75001 Paris", "8 Avenue de l'Opéra"),
        ("12", "Mahatma Gandhi Road", "MG Rd", "12, MG Rd, Bengaluru", "12 Mahatma Gandhi Road"),
        ("5", "High Street", "High St", "Unit 3/5 High St, Leeds", "5 High Street"),
        ("12", "Saint James's Street", "Saint James's Street", "12 St James's St, London", "12 Saint James's Street"),
        ("20", "5th Avenue", "5th Ave", "Suite 20, 20 5th Ave, New York", "20 5th Avenue"),
        ("350", "Fifth Avenue", "Fifth Avenue", "350 5th Ave, New York", "350 Fifth Avenue"),
        ("10-12", "Rue de Rivoli", "Rue de Rivoli", "10-12 Rue de Rivoli, Paris", "10-12 Rue de Rivoli"),
        ("10", "Via Roma", "Via Roma", "Via Roma, 10, 00184 Roma RM", "Via Roma 10"),
        ("1578", "Avenida Paulista", "Av. Paulista", "Av. Paulista, 1578 - Bela Vista, São Paulo", "Avenida Paulista 1578"),
        ("20", "Via 20 Settembre", "Via 20 Settembre", "Via 20 Settembre, 20, Genova", "Via 20 Settembre 20"),
        ("4", "Hauptstraße", "Hauptstraße", "Hauptstr. 4, Berlin", "Hauptstraße 4"),
        ("5", "Calle de Alcalá", "C. de Alcalá", "C. de Alcalá, nº 5, Madrid", "Calle de Alcalá 5"),
        ("3", "Ulica Długa", "Ulica Długa", "ul. Długa 3/5, Gdańsk", "Ulica Długa 3"),
        ("110", "세종대로", "세종대로", "대한민국 서울특별시 중구 세종대로 110", "세종대로 110"),
    ],
)  # fmt: skip
def test_an_abbreviated_formatted_address_decides_the_order(
    number: str, long: str, short: str, formatted: str, street: str
) -> None:
    components = [component("street_number", number), component("route", long, short)]
    assert business_columns({"formattedAddress": formatted, "addressComponents": components})["street"] == street


@pytest.mark.parametrize(
    ("country", "street"), [("US", "9 Elm Street"), ("FR", "9 Elm Street"), ("DE", "Elm Street 9")]
)
def test_the_country_decides_the_order_without_a_formatted_address(country: str, street: str) -> None:
    components = [component("street_number", "9"), component("route", "Elm Street"), component("country", "x", country)]
    assert business_columns({"addressComponents": components})["street"] == street


@pytest.mark.parametrize("kind", ["locality", "postal_town", "sublocality_level_1", "administrative_area_level_3"])
def test_the_city_is_read_from_several_component_types(kind: str) -> None:
    assert business_columns({"addressComponents": [component(kind, "Leeds")]})["city"] == "Leeds"


@pytest.mark.parametrize(
    ("level", "number"),
    [("FREE", 0), ("INEXPENSIVE", 1), ("MODERATE", 2), ("EXPENSIVE", 3), ("VERY_EXPENSIVE", 4), ("UNSPECIFIED", None)],
)
def test_price_levels_are_numbers(level: str, number: int | None) -> None:
    assert business_columns({"priceLevel": f"PRICE_LEVEL_{level}"}).get("price_level") == number


def test_missing_fields_are_absent() -> None:
    assert business_columns({}) == {}
    assert place_columns({}) == {}


def test_zero_is_a_value() -> None:
    columns = business_columns({"utcOffsetMinutes": 0, "userRatingCount": 0, "priceLevel": "PRICE_LEVEL_FREE"})
    assert columns == {"utc_offset_minutes": 0, "reviews_count": 0, "price_level": 0}


def test_a_phone_number_without_a_country_is_stored_unchanged() -> None:
    assert business_columns({"nationalPhoneNumber": "0151 2345678"})["phone"] == "0151 2345678"


def test_a_moved_place_has_its_new_id() -> None:
    assert place_columns(AUSTIN | {"movedPlaceId": "ChIJ2"})["moved_to_place_id"] == "ChIJ2"


def test_fields_of_another_type_are_ignored() -> None:
    odd: dict[str, Any] = {
        "displayName": "text",
        "addressComponents": {"0": 1},
        "location": {"latitude": True, "longitude": "2"},
        "types": ["a", 3],
        "rating": "4.6",
        "regularOpeningHours": {"periods": [{"close": {}}, 7]},
        "websiteUri": "https://x.example/\0\ud800",
        "userRatingCount": 2**40,
    }
    assert business_columns(odd) == {"main_category": "a", "website_url": "https://x.example/"}
