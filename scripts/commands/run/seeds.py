"""Puts records into the pipeline, as a router would: inserts them, and asks for them by setting their status to Queued."""

from collections.abc import Iterable

from sqlalchemy import Engine, text
from sqlalchemy.dialects.postgresql import insert

from scrapersky.models import Domain, Place, Status
from scrapersky.web.hosts import normalise_host
from scripts.commands.run.internet.listing import Details

ACTOR = "scripts/run"


def queue_places(engine: Engine, places: Iterable[Details]) -> int:
    """Inserts ``places`` as a map search would have found them, Queued for their deep scan; returns how many."""
    rows = [
        {
            "place_id": place["id"],
            "name": place.get("displayName", {}).get("text"),
            "formatted_address": place.get("formattedAddress"),
            "search_query": ACTOR,
            "deep_scan_status": Status.QUEUED,
        }
        for place in places
    ]
    return _insert(engine, Place, rows)


def queue_domains(engine: Engine, names: Iterable[str]) -> int:
    """Inserts the domains ``names`` (hosts or urls), Queued for metadata; returns how many. Raises HostError."""
    hosts = dict.fromkeys(normalise_host(name) for name in names)
    return _insert(engine, Domain, [{"domain": host, "status": Status.QUEUED} for host in hosts])


def _insert(engine: Engine, model: type[Domain] | type[Place], rows: list[dict[str, object]]) -> int:
    with engine.begin() as connection:
        connection.execute(text("SELECT set_config('scrapersky.actor', :actor, true)"), {"actor": ACTOR})
        connection.execute(insert(model), rows)
    return len(rows)
