"""Place search: find places on a map by a text and an area, with Text Search (New) of Google's Places API.

Google returns at most 60 places. Where it does, the rectangle is divided in four, and each quarter becomes a tile: a
record of its own, which is queued when its parent's result is saved. So a crash repeats the calls of one tile only. A
search that was divided makes no calls when it is repeated; its tiles do.
Source: https://developers.google.com/maps/documentation/places/web-service/text-search
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from scrapersky.areas import MAX_TEXT, MOST_FOUND, PAGE_SIZE, PAGES, AreaError, Rectangle, rectangle_of
from scrapersky.models import Place, PlaceFound, PlaceSearch
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Fail, Made, Outcome, Retry, SharedWrite, Snooze
from scrapersky.runtime.places_api import (
    ApiError,
    Refusal,
    call_places,
    is_usable,
    list_of,
    mapping_of,
    name_and_position,
    number_of,
)
from scrapersky.vocabulary import RecordId

FIELD_MASK = "places.id,places.displayName,places.formattedAddress,places.location,nextPageToken"
"""The fields that are stored: billed as Pro, as each of them but the id alone would be."""
VIEWPORT_MASK = "places.types,places.viewport"

TOWN = "t"
"""The tile that is the whole rectangle of a town."""
QUARTERS = "abcd"
_AREA_TYPES = frozenset(("political", "postal_code"))
"""Types of places that are areas; a shop may have a town's name."""
_AREA_WORDS = ("locationrestriction", "rectangle", "viewport", "latitude", "longitude")


async def search_places(record: PlaceSearch, ctx: JobContext) -> Outcome:
    """Search the record's rectangle, and add the places that are new.

    Done with ``searched``; ``split`` if its quarters are searched next; ``full`` if Google knows more places there but
    the rectangle may not be divided again; ``located`` if the town's rectangle is searched next. Fails with ``bad_text``,
    ``bad_area`` or ``no_such_area``. Snoozes and pauses the workflow if the key is unusable or the quota is spent.
    """
    if not 0 < len(record.text.strip()) <= MAX_TEXT:
        return Fail("bad_text", f"the text has {len(record.text)} characters; 1 to {MAX_TEXT} are valid")
    if record.is_split and not _is_outdated(record, ctx.settings.places_content_days):
        return Done("split", write=lambda connection: {"place_searches": _tiles_of(connection, record)})
    if record.tile and not record.rectangle:
        return Fail(
            "no_rectangle", "the rectangle was deleted after PLACES_CONTENT_DAYS; queue the tile's search again"
        )
    try:
        rectangle = Rectangle(*record.rectangle) if record.rectangle else rectangle_of(record.area)
    except AreaError as error:
        return Fail("bad_area", str(error))
    if rectangle is None:
        return await _locate(record, ctx)
    return await _search(record, ctx, rectangle)


def _is_outdated(record: PlaceSearch, days: int) -> bool:
    """Return whether the town must be located again: Google's answer is kept for ``days`` only, 0 for ever."""
    if record.tile or record.located_at is None or not days:
        return False
    return record.located_at < datetime.now(UTC) - timedelta(days=days)


async def _locate(record: PlaceSearch, ctx: JobContext) -> Outcome:
    """Find the rectangle of the town that the record names."""
    answer = await _call(record, ctx, VIEWPORT_MASK, {"textQuery": record.area, "pageSize": 5})
    if isinstance(answer, Retry | Snooze | Fail):
        return answer
    for place in map(mapping_of, list_of(answer.get("places"))):
        viewport = _viewport(place)
        if viewport and _AREA_TYPES.intersection(map(str, list_of(place.get("types")))):
            return Done("located", write=SharedWrite(_save, [_Result(record, {TOWN: viewport})]))
    return Fail("no_such_area", f"Google knows no town or region {record.area!r}; name another, or write a rectangle")


async def _search(record: PlaceSearch, ctx: JobContext, rectangle: Rectangle) -> Outcome:
    """Read all pages of the rectangle."""
    corners = {
        "low": {"latitude": rectangle.south, "longitude": rectangle.west},
        "high": {"latitude": rectangle.north, "longitude": rectangle.east},
    }
    request: dict[str, Any] = {
        "textQuery": record.text,
        "pageSize": PAGE_SIZE,
        "locationRestriction": {"rectangle": corners},
    }
    found: dict[str, dict[str, Any]] = {}
    for _ in range(PAGES):
        answer = await _call(record, ctx, FIELD_MASK, request)
        if isinstance(answer, Retry | Snooze | Fail):
            return answer
        for place in map(mapping_of, list_of(answer.get("places"))):
            if is_usable(place_id := str(place.get("id") or "")):
                found[place_id] = name_and_position(place)
        request["pageToken"] = answer.get("nextPageToken")
        if not request["pageToken"]:
            break
    is_full = len(found) >= MOST_FOUND or bool(request["pageToken"])
    divides = is_full and len(record.tile.lstrip(TOWN)) < ctx.settings.place_search_max_splits
    quarters = dict(zip(QUARTERS, rectangle.quarters(), strict=True)) if divides else {}
    code = "split" if divides else "full" if is_full else "searched"
    return Done(code, write=SharedWrite(_save, [_Result(record, quarters, found)]), detail={"places": len(found)})


async def _call(
    record: PlaceSearch, ctx: JobContext, mask: str, request: Mapping[str, Any]
) -> Mapping[str, Any] | Refusal:
    """Make one call, which the search of the tile pays."""
    body = {name: value for name, value in request.items() if value} | {"languageCode": ctx.settings.places_language}
    return await call_places(
        ctx, "/v1/places:searchText", mask, _refused, body=body, charged=record.root_id or record.id
    )


def _refused(error: ApiError) -> Refusal | None:
    """Return the outcome of an error that lies in this search's own values."""
    named = " ".join((error.message, *error.fields)).lower().replace("_", "").replace(" ", "")
    if "textquery" in named:
        return Fail("bad_text", error.reason)
    if any(word in named for word in _AREA_WORDS):
        return Fail("bad_area", error.reason)
    return Retry("places_page_token", error.reason) if "pagetoken" in named else None


def _viewport(place: Mapping[str, Any]) -> Rectangle | None:
    """Return the rectangle that shows ``place`` on a map, or None if it is absent or larger than a search may be."""
    low, high = (mapping_of(mapping_of(place.get("viewport")).get(corner)) for corner in ("low", "high"))
    degrees = [number_of(corner.get(name)) for corner in (low, high) for name in ("latitude", "longitude")]
    rectangle = Rectangle(*(one for one in degrees if one is not None)) if None not in degrees else None
    return rectangle if rectangle and not rectangle.problem else None


@dataclass(frozen=True, slots=True)
class _Result:
    """What one record gave: its ``parts``, each of which becomes a tile, and the places ``found``, if it was searched."""

    record: PlaceSearch
    parts: Mapping[str, Rectangle]
    found: Mapping[str, Mapping[str, Any]] | None = None

    @property
    def root(self) -> RecordId:
        """The search that the record is or belongs to."""
        return self.record.root_id or self.record.id


def _save(connection: Connection, values: Sequence[_Result]) -> Made:
    """Save results, which may belong to several searches."""
    tiles = [tile for one in sorted(values, key=lambda one: one.record.id) for tile in _save_search(connection, one)]
    return {"place_searches": tiles, "places": _save_places(connection, values)}


def _save_search(connection: Connection, result: _Result) -> Sequence[RecordId]:
    """Update the record and insert its tiles; return their ids."""
    record, found = result.record, None if result.found is None else len(result.found)
    values = {"is_split": bool(result.parts), "searched_at": func.now(), "places_found": found}
    if TOWN in result.parts:
        values["located_at"] = func.now()
    located_at = connection.execute(
        update(PlaceSearch).where(PlaceSearch.id == record.id).values(**values).returning(PlaceSearch.located_at)
    ).scalar_one()
    for name, rectangle in result.parts.items():
        tile = {
            "text": record.text, "area": record.area, "tile": record.tile + name, "parent_id": record.id,
            "root_id": result.root, "tenant": record.tenant, "label": record.label, "rectangle": list(rectangle),
            "located_at": located_at,
        }  # fmt: skip
        connection.execute(insert(PlaceSearch).values(tile).on_conflict_do_nothing())
    if record.is_split:
        _locate_tiles(connection, record, result.parts[TOWN])
    return _tiles_of(connection, record) if result.parts else []


def _locate_tiles(connection: Connection, record: PlaceSearch, town: Rectangle) -> None:
    """Give all tiles of a town that is searched again their rectangles back."""
    tiles = connection.execute(select(PlaceSearch.id, PlaceSearch.tile).where(PlaceSearch.root_id == record.id)).all()
    for tile_id, path in sorted(tiles):
        rectangle = town
        for quarter in path.removeprefix(TOWN):
            rectangle = rectangle.quarters()[QUARTERS.index(quarter)]
        values = {"rectangle": list(rectangle), "located_at": func.now()}
        connection.execute(update(PlaceSearch).where(PlaceSearch.id == tile_id).values(**values))


def _tiles_of(connection: Connection, record: PlaceSearch) -> Sequence[RecordId]:
    return connection.execute(select(PlaceSearch.id).where(PlaceSearch.parent_id == record.id)).scalars().all()


def _save_places(connection: Connection, results: Sequence[_Result]) -> Sequence[RecordId]:
    """Insert the places that are new, in the order of their ids: tiles share places. Return the ids of all.

    A place of its tenant that was known takes the label of the search if it has none.
    """
    rows: dict[str, dict[str, Any]] = {}
    pairs: set[tuple[RecordId, str]] = set()
    for one in results:
        search = {name: getattr(one.record, name) for name in ("tenant", "label")}
        search["search_query"] = f"{one.record.text} in {one.record.area}"
        for place_id, columns in (one.found or {}).items():
            rows.setdefault(place_id, {"place_id": place_id, **columns, **search})
            pairs.add((one.root, place_id))
    if not rows:
        return []
    upsert = insert(Place).values([rows[place_id] for place_id in sorted(rows)])
    unlabelled = Place.label.is_(None) & upsert.excluded.label.is_not(None) & (Place.tenant == upsert.excluded.tenant)
    label = {"label": upsert.excluded.label}
    connection.execute(upsert.on_conflict_do_update(index_elements=[Place.place_id], set_=label, where=unlabelled))
    known = select(Place.place_id, Place.id).where(Place.place_id.in_(rows))
    ids = {row.place_id: row.id for row in connection.execute(known)}
    found = insert(PlaceFound).values([{"search_id": root, "place_id": ids[place]} for root, place in sorted(pairs)])
    keys = [PlaceFound.search_id, PlaceFound.place_id]
    connection.execute(found.on_conflict_do_update(index_elements=keys, set_={"last_found": func.now()}))
    return sorted(ids.values())
