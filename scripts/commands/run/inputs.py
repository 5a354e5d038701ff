"""What a run works on: shipped sites, a corpus, or real domains of the internet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from scrapersky.web.hosts import normalise_host
from scripts.commands.run import seeds
from scripts.commands.run.internet import corpus, listing, shipped
from scripts.commands.run.internet.listing import Details
from scripts.commands.run.internet.places import HOST, PlacesApi
from scripts.commands.run.internet.website import Website
from scripts.commands.run.system import PLACES_KEY


@dataclass(frozen=True)
class Inputs:
    """``names`` is {a site as its owner writes it: its place_id, or None}; ``websites`` None means the real internet."""

    title: str
    names: Mapping[str, str | None]
    websites: Mapping[str, Website] | None
    places: Sequence[Details] = ()
    without_https: frozenset[str] = field(default_factory=frozenset)

    def queue(self, engine: Engine) -> int:
        """Queues a record for each: places for their deep scan, or domains for metadata; returns how many."""
        return seeds.queue_places(engine, self.places) if self.places else seeds.queue_domains(engine, self.names)


def shipped_sites() -> Inputs:
    """The sites in ``scripts/commands/run/sites``, each with a place, and some places that have no site."""
    sites = shipped.read()
    places = [*map(listing.of_shipped, sites), *listing.others()]
    return Inputs(
        title=f"{len(sites)} sites shipped with the project",
        names={site.domain: listing.place_id(site.name) for site in sites},
        websites={**shipped.websites(sites), HOST: PlacesApi(listing.known(places), PLACES_KEY)},
        places=places,
        without_https=shipped.without_https(sites),
    )


def corpus_sites(folder: Path) -> Inputs:
    """The sites of a folder in the corpus layout, each with a place. Raises :class:`corpus.CorpusError`."""
    sites = corpus.read(folder)
    places = list(map(listing.of_corpus, sites))
    return Inputs(
        title=f"{len(sites)} sites of {folder}",
        names={site.domain: place["id"] for site, place in zip(sites, places, strict=True)},
        websites={**corpus.websites(folder, sites), HOST: PlacesApi(listing.known(places), PLACES_KEY)},
        places=places,
    )


def real_domains(names: Sequence[str]) -> Inputs:
    """Domains of the real internet. Raises :class:`scrapersky.web.hosts.HostError` for what is no domain."""
    for name in names:
        normalise_host(name)
    return Inputs(title=", ".join(names), names=dict.fromkeys(names), websites=None)
