"""A fake of Text Search (New): which places match a text in a rectangle, in pages, at most sixty.

It has the documented shapes, limits and errors. Source:
developers.google.com/maps/documentation/places/web-service/text-search. What matches is made up: ``shops`` are all
businesses, and any other word must be in a place's name or types.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

MOST_FOUND = 60
PAGE_SIZE = 20
ALL = frozenset(("shop", "store", "business", "place"))
UNIMPORTANT = frozenset(("in", "near", "the", "a", "and", "of"))
BUSINESS = "establishment"


class InvalidArgument(ValueError):
    """The request is refused with INVALID_ARGUMENT and this message."""


def search(places: Iterable[Mapping[str, Any]], request: object) -> tuple[list[Mapping[str, Any]], str | None]:
    """Return one page of the ``places`` that match ``request``, and the token of the next page, if there is one.

    Raises :class:`InvalidArgument`.
    """
    if not isinstance(request, dict):
        raise InvalidArgument("Invalid JSON payload received.")
    query = request.get("textQuery")
    if not isinstance(query, str) or not query.strip():
        raise InvalidArgument("Empty text_query.")
    size = request.get("pageSize", 0)
    if not isinstance(size, int) or size < 0:
        raise InvalidArgument("Invalid page_size: it must not be negative.")
    fixed = {name: value for name, value in request.items() if name not in ("pageToken", "pageSize")}
    seal = hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()[:16]
    start = _start(request.get("pageToken"), seal)
    rectangle = request.get("locationRestriction")
    inside = [place for place in places if rectangle is None or _contains(rectangle, place.get("location"))]
    found = sorted((place for place in inside if _matches(query, place)), key=lambda place: _rank(query, place))
    end = min(start + (min(size, PAGE_SIZE) or PAGE_SIZE), MOST_FOUND)
    return found[start:end], _token(seal, end) if end < min(len(found), MOST_FOUND) else None


def _token(seal: str, start: int) -> str:
    return base64.urlsafe_b64encode(f"{seal}:{start}".encode()).decode()


def _start(token: object, seal: str) -> int:
    if not token:
        return 0
    for start in range(PAGE_SIZE, MOST_FOUND, 1):
        if token == _token(seal, start):
            return start
    raise InvalidArgument("Invalid page_token: the other parameters must be those of the first request.")


def _contains(restriction: Mapping[str, Any], location: Mapping[str, float] | None) -> bool:
    try:
        low, high = (restriction["rectangle"][corner] for corner in ("low", "high"))
        south, west, north, east = (corner[name] for corner in (low, high) for name in ("latitude", "longitude"))
    except (KeyError, TypeError):
        raise InvalidArgument("Invalid location_restriction: a rectangle with low and high is needed.") from None
    if (
        not -90 <= south <= north <= 90
        or not (-180 <= west <= 180 and -180 <= east <= 180)
        or (east - west) % 360 > 180
    ):
        raise InvalidArgument("Invalid rectangle in location_restriction.")
    if location is None:
        return False
    across = (location["longitude"] - west) % 360 <= (east - west) % 360
    inside: bool = south <= location["latitude"] <= north and across
    return inside


def _matches(query: str, place: Mapping[str, Any]) -> bool:
    if _rank(query, place)[0] == 0:
        return True
    wanted = {_singular(word) for word in query.lower().split()} - UNIMPORTANT
    types = place.get("types", ())
    if not wanted or not wanted - ALL:
        return BUSINESS in types
    own = {_singular(word) for word in _name(place).lower().split()} | set(types)
    return wanted - ALL <= own


def _rank(query: str, place: Mapping[str, Any]) -> tuple[bool, str]:
    """Return the sort key: the place of this very name first, the others in an order that has no meaning."""
    name = _name(place)
    return name.lower() != query.strip().lower(), hashlib.sha256(str(place.get("id")).encode()).hexdigest()


def _name(place: Mapping[str, Any]) -> str:
    return str(place.get("displayName", {}).get("text", ""))


def _singular(word: str) -> str:
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")
