"""Map a place of Google's Places API to columns. Fields that Google leaves out are absent."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import phonenumbers

from scrapersky.hours import Hours, hours_from_periods
from scrapersky.runtime.places_api import list_of, mapping_of, name_and_position, number_of, text_of

PRICE_LEVELS = {
    f"PRICE_LEVEL_{name}": level
    for level, name in enumerate(("FREE", "INEXPENSIVE", "MODERATE", "EXPENSIVE", "VERY_EXPENSIVE"))
}

_NUMBER_FIRST = frozenset(
    str.split(
        "US CA GB IE AU NZ ZA IN PK BD LK SG MY PH HK TH FR LU MC IL EG NG KE GH UG TZ ZW JM BS BB TT MT CY DZ MA TN SN CI"
    )
)
"""Countries that write the house number before the street."""

_WORD_BEFORE = re.compile(r"([\w.']+)[^\w/]{0,8}(?:\b[Nn][or]?[.°º]*\s?)?\Z")
_WORD_AFTER = re.compile(r"[\s,]{1,3}([\w.']+)")

_CITY_TYPES = str.split(
    "locality postal_town sublocality_level_1 administrative_area_level_3 administrative_area_level_2"
)


def business_columns(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of LocalBusiness that ``details`` (a Place of the Places API (New)) has values for."""
    address = _address(details)
    types = [kind for kind in list_of(details.get("types")) if isinstance(kind, str)]
    main = text_of(details.get("primaryType")) or (types[0] if types else None)
    location = mapping_of(details.get("location"))
    columns = {
        "business_name": text_of(mapping_of(details.get("displayName")).get("text")),
        "full_address": text_of(details.get("formattedAddress")),
        **address,
        "phone": _phone(details, address["country"]),
        "website_url": text_of(details.get("websiteUri")),
        "maps_url": text_of(details.get("googleMapsUri")),
        "rating": number_of(details.get("rating")),
        "reviews_count": _whole(details.get("userRatingCount")),
        "price_level": PRICE_LEVELS.get(str(details.get("priceLevel"))),
        "main_category": main,
        "extra_categories": [kind for kind in types if kind != main] or None,
        "latitude": number_of(location.get("latitude")),
        "longitude": number_of(location.get("longitude")),
        "utc_offset_minutes": _whole(details.get("utcOffsetMinutes")),
        "time_zone": text_of(mapping_of(details.get("timeZone")).get("id")),
        "business_status": text_of(details.get("businessStatus")),
        "opening_hours": _hours(mapping_of(details.get("regularOpeningHours")).get("periods")),
    }
    return {name: value for name, value in columns.items() if value is not None}


def place_columns(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of Place: its current name, address and position, and the id that it moved to."""
    columns = {**name_and_position(details), "moved_to_place_id": text_of(details.get("movedPlaceId"))}
    return {name: value for name, value in columns.items() if value is not None}


def _address(details: Mapping[str, Any]) -> dict[str, str | None]:
    components = [mapping_of(component) for component in list_of(details.get("addressComponents"))]

    def component(kind: str, name: str = "longText") -> str | None:
        return next((text_of(part.get(name)) for part in components if kind in list_of(part.get("types"))), None)

    return {
        "street": _street(
            component("street_number"),
            [name for part in ("longText", "shortText") if (name := component("route", part))],
            text_of(details.get("formattedAddress")) or "",
            component("country", "shortText"),
        ),
        "city": next((city for kind in _CITY_TYPES if (city := component(kind))), None),
        "state": component("administrative_area_level_1", "shortText"),
        "zip": component("postal_code"),
        "country": component("country", "shortText"),
    }


def _street(number: str | None, routes: Sequence[str], formatted: str, country: str | None) -> str | None:
    """Return house number and street, whose first name is the long one, in the order of the formatted address.

    The formatted address abbreviates (``500 W 2nd St``), so the words beside the number are compared with the names in
    ``routes``. Where none of them is there, the country decides.
    """
    if not number or not routes:
        return routes[0] if routes else None
    is_first = country in _NUMBER_FIRST
    for found in re.finditer(rf"(?<!\w){re.escape(number)}(?!\w)", formatted):
        before, after = _WORD_BEFORE.search(formatted[: found.start()]), _WORD_AFTER.match(formatted, found.end())
        if after and any(_abbreviates(after[1], route.split()[0]) for route in routes):
            is_first = True
            break
        if before and any(_abbreviates(before[1], route.split()[-1]) for route in routes):
            is_first = False
            break
        if after and found.start() == 0 and not after[1].isdigit() and "," not in after[0]:
            is_first = True  # the street has another name there
    return f"{number} {routes[0]}" if is_first else f"{routes[0]} {number}"


def _abbreviates(short: str, word: str) -> bool:
    """Return whether ``short`` is ``word`` or an abbreviation: starts with the same letter, all letters in order."""
    short, word = short.casefold().replace(".", ""), word.casefold()
    letters = iter(word)
    return short[:1] == word[:1] and all(letter in letters for letter in short)


def _phone(details: Mapping[str, Any], country: str | None) -> str | None:
    """Return the number as E.164, or as Google writes it if it is incomplete."""
    number = text_of(details.get("internationalPhoneNumber")) or text_of(details.get("nationalPhoneNumber"))
    if number is None:
        return None
    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        return number
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


def _hours(periods: object) -> Hours | None:
    """Return the opening hours, or None if they are absent or of an unknown shape."""
    found = list_of(periods)
    try:
        return hours_from_periods(found) if found else None
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31 else None
