"""The town of the local run: a rectangle in which the shipped businesses and many small shops have their places.

The businesses keep their addresses, which show the formats of several countries; only their position is in the town.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

NAME = "Riverside"
SOUTH, WEST, NORTH, EAST = 33.9, -117.45, 34.0, -117.3
SHOPS = 150
OWNERS = str.split("Ada Ben Cleo Dan Eva Finn Gus Hana Ines Joe Kim Lou Mia Ned Olga")
KINDS = {
    "Bakery": "bakery", "Bookshop": "book_store", "Butcher": "butcher_shop", "Cafe": "cafe", "Florist": "florist",
    "Hairdresser": "hair_salon", "Ironmonger": "hardware_store", "Pharmacy": "pharmacy", "Shoes": "shoe_store",
    "Toys": "toy_store",
}  # fmt: skip

TOWN: Mapping[str, Any] = {
    "id": "ChIJtown_riverside",
    "displayName": {"text": NAME, "languageCode": "en"},
    "types": ["locality", "political"],
    "location": {"latitude": (SOUTH + NORTH) / 2, "longitude": (WEST + EAST) / 2},
    "viewport": {"low": {"latitude": SOUTH, "longitude": WEST}, "high": {"latitude": NORTH, "longitude": EAST}},
}


def with_shops(businesses: Iterable[Mapping[str, Any]], shops: int = SHOPS) -> list[Mapping[str, Any]]:
    """Return the town, ``businesses`` with a position in it, and so many small shops that it has ``shops`` in all."""
    known = [_placed({**one, "types": [*one.get("types", ()), "establishment"]}) for one in businesses]
    return [TOWN, *known, *(_shop(number) for number in range(shops - len(known)))]


def _shop(number: int) -> Mapping[str, Any]:
    owner, kind = OWNERS[number % len(OWNERS)], list(KINDS)[number // len(OWNERS) % len(KINDS)]
    branch = number // (len(OWNERS) * len(KINDS))
    name = f"{owner}'s {kind}" + (f" {branch + 1}" if branch else "")
    details = {
        "id": f"ChIJtown_shop_{number}",
        "displayName": {"text": name, "languageCode": "en"},
        "formattedAddress": f"{number + 1} Main St, {NAME}, CA 92501, USA",
        "types": [KINDS[kind], "store", "point_of_interest", "establishment"],
        "businessStatus": "OPERATIONAL",
    }
    return _placed(details)


def _placed(place: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return ``place`` at a position that follows from its id. There are more shops in the middle than at the edges."""
    digest = hashlib.sha256(str(place["id"]).encode()).digest()
    across, up = (_to_the_middle(int.from_bytes(part, "big") / 2**32) for part in (digest[:4], digest[4:8]))
    latitude, longitude = SOUTH + up * (NORTH - SOUTH), WEST + across * (EAST - WEST)
    return {**place, "location": {"latitude": round(latitude, 6), "longitude": round(longitude, 6)}}


def _to_the_middle(share: float) -> float:
    away = 2 * share - 1
    return 0.5 + away * abs(away) / 2
