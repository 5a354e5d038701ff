"""The records that a run starts with: a map search over the shipped sites, places of a corpus, or real domains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.dialects.postgresql import insert

from scrapersky.models import Domain, Place, PlaceSearch
from scrapersky.vocabulary import Status
from scrapersky.web.hosts import normalise_host
from scripts.commands.run.internet import corpus, places, shipped, town
from scripts.commands.run.internet.name_server import Mail
from scripts.commands.run.internet.places import Details, PlacesApi
from scripts.commands.run.internet.website import Website
from scripts.commands.run.system import PLACES_KEY

ACTOR = "scripts/run"
"""The actor of the run's own changes in the audit trail."""
LABEL = "local-run"
SEARCH = f"shops in {town.NAME}"
"""The search of a run that names none."""


@dataclass(frozen=True)
class Inputs:
    """``names`` is {a site as its owner writes it: its place_id, or None}; ``websites`` None means the real internet."""

    title: str
    names: Mapping[str, str | None]
    websites: Mapping[str, Website] | None
    places: Sequence[Details] = ()
    search: tuple[str, str] | None = None
    """The text and the area of a map search."""
    without_https: frozenset[str] = field(default_factory=frozenset)
    mail: Mapping[str, Mail] = field(default_factory=dict)
    """How domains take mail. Each host of ``websites`` that is not listed has a mail server."""
    explanation: str = ""
    """One sentence on the numbers that the tables will show."""

    def queue(self, engine: Engine) -> int:
        """Queue the search, or else places for their deep scan or domains for metadata; return how many."""
        if self.search is not None:
            return queue_search(engine, *self.search)
        return queue_places(engine, self.places) if self.places else queue_domains(engine, self.names)


def shipped_sites(search: str = SEARCH) -> Inputs:
    """Return a search in a town with the sites in ``scripts/commands/run/sites`` and many shops without a site.

    ``search`` is a text and, after the word ``in``, a town; by default the town that exists.
    """
    wanted, _, area = search.rpartition(" in ") if " in " in search else (search, "", town.NAME)
    sites = shipped.read()
    others = places.others()
    unknown = sum(place["id"] in places.ERRORS for place in others)
    details = [*map(places.of_shipped, sites), *others]
    return Inputs(
        title=f"{wanted} in {area}",
        names={site.domain: places.place_id(site.name) for site in sites},
        websites={
            **shipped.websites(sites),
            places.HOST: PlacesApi(places.known(town.with_shops(details)), PLACES_KEY),
        },
        search=(wanted, area),
        without_https=shipped.without_https(sites),
        mail=shipped.mail(sites),
        explanation=f"{town.NAME} has {town.SHOPS} shops: {len(sites)} businesses with a website, "
        f"{town.SHOPS - len(sites) - unknown} without their own, and {unknown} that Google no longer knows.",
    )


def corpus_sites(folder: Path) -> Inputs:
    """Return the sites of a folder in the corpus layout, each with a place. Raises :class:`corpus.CorpusError`."""
    sites = corpus.read(folder)
    details = list(map(places.of_corpus, sites))
    known = places.known([*town.with_shops([]), *details])
    return Inputs(
        title=f"{len(sites)} {'site' if len(sites) == 1 else 'sites'} of {folder}",
        names={site.domain: place["id"] for site, place in zip(sites, details, strict=True)},
        websites={**corpus.websites(folder, sites), places.HOST: PlacesApi(known, PLACES_KEY)},
        places=details,
    )


def real_domains(names: Sequence[str]) -> Inputs:
    """Return domains of the real internet. Raises :class:`scrapersky.web.hosts.HostError` for an invalid name."""
    for name in names:
        normalise_host(name)
    return Inputs(title=", ".join(names), names=dict.fromkeys(names), websites=None)


def queue_search(engine: Engine, wanted: str, area: str) -> int:
    """Insert a map search, Queued; return 1."""
    return _insert(engine, PlaceSearch, [{"text": wanted, "area": area, "label": LABEL, "status": Status.QUEUED}])


def queue_places(engine: Engine, details: Iterable[Details]) -> int:
    """Insert ``details`` as places of a map search, Queued for their deep scan; return how many."""
    rows = [
        {
            "place_id": place["id"],
            "name": place.get("displayName", {}).get("text"),
            "formatted_address": place.get("formattedAddress"),
            "search_query": ACTOR,
            "label": LABEL,
            "deep_scan_status": Status.QUEUED,
        }
        for place in details
    ]
    return _insert(engine, Place, rows)


def queue_domains(engine: Engine, names: Iterable[str]) -> int:
    """Insert the domains ``names`` (hosts or URLs), Queued for metadata; return how many. Raises HostError."""
    hosts = dict.fromkeys(normalise_host(name) for name in names)
    return _insert(engine, Domain, [{"domain": host, "label": LABEL, "status": Status.QUEUED} for host in hosts])


def _insert(engine: Engine, model: type[Domain | Place | PlaceSearch], rows: list[dict[str, object]]) -> int:
    with engine.begin() as connection:
        connection.execute(text("SELECT set_config('scrapersky.actor', :actor, true)"), {"actor": ACTOR})
        connection.execute(insert(model), rows)
    return len(rows)
