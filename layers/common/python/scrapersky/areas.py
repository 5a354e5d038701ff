"""The area of a map search: a rectangle or the name of a town, how it is divided, and how many calls that may take."""

import re
from typing import NamedTuple

from scrapersky.settings import Settings

MAX_TEXT = 200
"""Characters of a search's text, and of an area."""
PAGES, PAGE_SIZE = 3, 20
"""Text Search (New) returns at most 60 places, 20 a page."""
MOST_FOUND = PAGES * PAGE_SIZE

_NUMBERS = re.compile(r"[-+]?\d+(?:\.\d+)?(?:\s*,\s*[-+]?\d+(?:\.\d+)?)*")
_EXAMPLE = "south, west, north, east in degrees, such as 33.9,-117.5,34.0,-117.3"


class AreaError(ValueError):
    """The area of a search is not valid; the message states its value and what is valid."""


class Rectangle(NamedTuple):
    """Degrees. ``east`` is less than ``west`` where it crosses the 180th meridian; it is at most 180 degrees wide."""

    south: float
    west: float
    north: float
    east: float

    @property
    def width(self) -> float:
        """The degrees from west to east."""
        return (self.east - self.west) % 360

    @property
    def problem(self) -> str | None:
        """Why Google would refuse it, or None."""
        if not (-90 <= self.south < self.north <= 90):
            return f"its south {self.south:g} must be less than its north {self.north:g}, both from -90 to 90"
        if not (-180 <= self.west <= 180 and -180 <= self.east <= 180):
            return f"its west {self.west:g} and east {self.east:g} must be from -180 to 180"
        return None if 0 < self.width <= 180 else f"it is {self.width:g} degrees wide, and must have 180 at most"

    def quarters(self) -> list["Rectangle"]:
        """Return its south-west, south-east, north-west and north-east quarter."""
        middle = (self.south + self.north) / 2
        east = self.west + self.width / 2
        meridian = east - 360 if east > 180 else east
        return [
            Rectangle(south, west, north, east)
            for south, north in ((self.south, middle), (middle, self.north))
            for west, east in ((self.west, meridian), (meridian, self.east))
        ]

    def __str__(self) -> str:
        return ",".join(f"{degrees:.7f}".rstrip("0").rstrip(".") for degrees in self)


def tidy_area(given: str) -> str:
    """Return ``given`` as it is stored. Raises :class:`AreaError`."""
    rectangle = rectangle_of(given)
    return str(rectangle) if rectangle else " ".join(given.split())


def rectangle_of(area: str) -> Rectangle | None:
    """Return the rectangle that ``area`` names, or None if it is the name of a town. Raises :class:`AreaError`."""
    text = " ".join(area.split())
    if not _NUMBERS.fullmatch(text):
        if any(character.isalpha() for character in text) and len(text) <= MAX_TEXT:
            return None
        raise AreaError(f"area {text[:100]!r} is not valid: write the name of a town, or {_EXAMPLE}")
    numbers = [float(number) for number in text.split(",")]
    if len(numbers) != 4:
        raise AreaError(f"area {text[:100]!r} has {len(numbers)} numbers; a rectangle needs 4: {_EXAMPLE}")
    rectangle = Rectangle(*numbers)
    if rectangle.problem:
        raise AreaError(f"area {text[:100]!r} is no rectangle: {rectangle.problem}; valid is {_EXAMPLE}")
    return rectangle


def most_calls(area: str, settings: Settings) -> int:
    """Return how many paid calls a search of ``area`` makes at most. Raises :class:`AreaError`."""
    tiles = ((1 << 2 * (settings.place_search_max_splits + 1)) - 1) // 3  # 1 + 4 + 16 + …
    viewport = 0 if rectangle_of(area) else 1
    return min(viewport + PAGES * tiles, settings.place_search_calls_per_search)
