"""A fake of Google's Places API (New), Place Details and Text Search, and the places that it knows.

It has the documented shapes and errors, and nothing else. Source:
developers.google.com/maps/documentation/places/web-service/place-details. Special place ids (:data:`ERRORS`) answer with one
error each.
"""

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.commands.run.internet.corpus import SiteLine
from scripts.commands.run.internet.shipped import FOLDER, ShippedSite
from scripts.commands.run.internet.text_search import InvalidArgument, search
from scripts.commands.run.internet.website import Answer, Request

HOST = "places.googleapis.com"

Details = Mapping[str, Any]
"""A place in the shape of Places API (New)."""

_FIELDS = """
accessibilityOptions addressComponents adrFormatAddress attributions businessStatus currentOpeningHours displayName
formattedAddress googleMapsUri iconBackgroundColor iconMaskBaseUri id internationalPhoneNumber location movedPlace
movedPlaceId name nationalPhoneNumber photos plusCode postalAddress priceLevel priceRange primaryType
primaryTypeDisplayName pureServiceAreaBusiness rating regularOpeningHours reviews shortFormattedAddress timeZone types
userRatingCount utcOffsetMinutes viewport websiteUri
"""
FIELDS = frozenset(_FIELDS.split())
"""The fields that a mask may name."""

_QUOTA = (
    "Quota exceeded for quota metric 'GetPlaceRequest' and limit 'GetPlaceRequest per {}' of service "
    "'places.googleapis.com' for consumer 'project_number:000000000000'."
)
ERRORS: Mapping[str, tuple[int, str, str, str | None]] = {
    "ChIJerror_not_found": (404, "NOT_FOUND", "The Place ID is no longer valid.", None),
    "ChIJerror_malformed": (400, "INVALID_ARGUMENT", "Not a valid Place ID: ChIJerror_malformed", None),
    "ChIJerror_denied": (
        403,
        "PERMISSION_DENIED",
        "Places API (New) has not been used in project 000000000000 before or it is disabled.",
        "SERVICE_DISABLED",
    ),
    "ChIJerror_quota_minute": (429, "RESOURCE_EXHAUSTED", _QUOTA.format("minute"), "RATE_LIMIT_EXCEEDED"),
    "ChIJerror_quota_day": (429, "RESOURCE_EXHAUSTED", _QUOTA.format("day"), "RATE_LIMIT_EXCEEDED"),
    "ChIJerror_internal": (500, "INTERNAL", "Internal error encountered.", None),
    "ChIJerror_unavailable": (503, "UNAVAILABLE", "The service is currently unavailable.", None),
}
"""{place id: (HTTP status, status word, message, reason)}."""


@dataclass
class PlacesApi:
    """The API, with ``places`` ({place id: its details}), for callers that send ``key``.

    ``calls`` counts the answered requests by method; after ``quota`` of them, the quota of the day is exceeded.
    """

    places: Mapping[str, Mapping[str, Any]]
    key: str
    quota: int | None = None
    calls: Counter[str] = field(default_factory=Counter)

    def answer(self, request: Request) -> Answer:
        """Answer ``GET /v1/places/{id}`` and ``POST /v1/places:searchText``, with a key and a field mask as headers."""
        folder, _, place_id = request.path.rpartition("/")
        searches = (request.method, request.path) == ("POST", "/v1/places:searchText")
        if (not searches and (request.method, folder) != ("GET", "/v1/places")) or request.scheme != "https":
            return Answer(404, b"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>", {"Content-Type": "text/html"})
        mask = request.headers.get("X-Goog-FieldMask", "")
        fields = [path.removeprefix("places.") if searches else path for path in mask.split(",") if path]
        fields = [path for path in fields if not (searches and path == "nextPageToken")]
        if refusal := self._refusal_of_key(request.headers.get("X-Goog-Api-Key", "")) or _refusal_of_mask(mask, fields):
            return refusal
        if self.quota is not None and self.calls.total() >= self.quota:
            return _error(*ERRORS["ChIJerror_quota_day"])
        self.calls["search" if searches else "details"] += 1
        return self._search(request.body, fields, mask) if searches else self._details(place_id, fields)

    def _search(self, body: bytes, fields: list[str], mask: str) -> Answer:
        try:
            found, token = search(self.places.values(), json.loads(body))
        except InvalidArgument as error:
            return _error(400, "INVALID_ARGUMENT", str(error))
        places = [_masked(place, fields) for place in found]
        answer: dict[str, Any] = {"places": places} if places else {}
        return _json(200, answer | ({"nextPageToken": token} if token and "nextPageToken" in mask else {}))

    def _details(self, place_id: str, fields: list[str]) -> Answer:
        if place_id in ERRORS:
            return _error(*ERRORS[place_id])
        if place_id not in self.places:
            return _error(400, "INVALID_ARGUMENT", f"Not a valid Place ID: {place_id}")
        return _json(200, _masked(self.places[place_id], fields))

    def _refusal_of_key(self, key: str) -> Answer | None:
        if not key:
            return _error(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers. Please use API Key.")
        if key != self.key:
            return _error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", "API_KEY_INVALID")
        return None


def _refusal_of_mask(mask: str, fields: list[str]) -> Answer | None:
    if not mask:
        return _error(400, "INVALID_ARGUMENT", "FieldMask is a required parameter.")
    for path in fields:
        if path != "*" and path.partition(".")[0] not in FIELDS:
            message = f"Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'."
            return _error(400, "INVALID_ARGUMENT", message)
    return None


def _masked(details: Mapping[str, Any], mask: list[str]) -> dict[str, Any]:
    """Return the fields of ``details`` in ``mask`` (dotted paths); absent fields stay absent, as in proto3 JSON."""
    if "*" in mask:
        return dict(details)
    wanted: dict[str, Any] = {}
    for path in mask:
        name, _, rest = path.partition(".")
        if name in details:
            value = details[name]
            inner = _masked(value, [rest]) if rest and isinstance(value, Mapping) else value
            wanted[name] = {**wanted.get(name, {}), **inner} if rest and isinstance(inner, dict) else inner
    return wanted


def _error(status: int, word: str, message: str, reason: str | None = None) -> Answer:
    error: dict[str, Any] = {"code": status, "message": message, "status": word}
    if reason:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}
        error["details"] = [info]
    return _json(status, {"error": error})


def _json(status: int, body: Mapping[str, Any]) -> Answer:
    text = json.dumps(body, ensure_ascii=False, indent=2)
    return Answer(status, text.encode(), {"Content-Type": "application/json; charset=UTF-8"})


def place_id(name: str) -> str:
    """Return an id that looks like Google's, always the same for one name."""
    return "ChIJ" + base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest()).decode()[:23]


def of_shipped(site: ShippedSite) -> Details:
    """Return the place of a shipped site, as its manifest describes it."""
    return {"id": place_id(site.name), "websiteUri": site.url, **site.manifest.place}


def of_corpus(site: SiteLine) -> Details:
    """Return a place for a site of a corpus, of which only the URL is known."""
    name = site.host.removeprefix("www.").split(".")[0].replace("-", " ").title()
    return {
        "id": place_id(site.url),
        "displayName": {"text": name, "languageCode": "en"},
        "types": ["point_of_interest", "establishment"],
        "businessStatus": "OPERATIONAL",
        "websiteUri": site.url,
    }


def others(folder: Path = FOLDER) -> list[Details]:
    """Return the shipped places without a website of their own, and one that Google no longer knows."""
    places: list[Details] = json.loads((folder / "other-places.json").read_bytes())
    return places


def known(places: Iterable[Details]) -> dict[str, Details]:
    """Return {place id: details} of ``places``, as the API knows them."""
    return {place["id"]: {"name": f"places/{place['id']}", **place} for place in places}
