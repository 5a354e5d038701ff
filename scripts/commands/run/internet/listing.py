"""What the fake Places API lists: one place for each website, and some without a website of their own."""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from scripts.commands.run.internet.corpus import SiteLine
from scripts.commands.run.internet.places import TROUBLE
from scripts.commands.run.internet.shipped import FOLDER, ShippedSite

Details = Mapping[str, Any]
"""A place in the shape of Places API (New)."""


def place_id(name: str) -> str:
    """An id that looks like Google's, always the same for one name."""
    return "ChIJ" + base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest()).decode()[:23]


def of_shipped(site: ShippedSite) -> Details:
    """The place of a shipped site, as its manifest describes it."""
    return {"id": place_id(site.name), "websiteUri": site.url, **site.manifest.place}


def of_corpus(site: SiteLine) -> Details:
    """A place for a site of a corpus, of which nothing is known but its address on the web."""
    name = site.host.removeprefix("www.").split(".")[0].replace("-", " ").title()
    return {
        "id": place_id(site.url),
        "displayName": {"text": name, "languageCode": "en"},
        "types": ["point_of_interest", "establishment"],
        "businessStatus": "OPERATIONAL",
        "websiteUri": site.url,
    }


def others(folder: Path = FOLDER) -> list[Details]:
    """Places without a website of their own, and one that Google does not know any more."""
    places: list[Details] = json.loads((folder / "other-places.json").read_bytes())
    return places


def known(places: Iterable[Details]) -> dict[str, Details]:
    """{place id: details} of the places that the API answers for."""
    return {place["id"]: {"name": f"places/{place['id']}", **place} for place in places if place["id"] not in TROUBLE}
