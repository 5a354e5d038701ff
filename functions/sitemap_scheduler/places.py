"""Google Places API (New): Place Details, over the same guarded client as everything else.

Danger first: every call costs money, by the dearest field of the mask, and the key is worth money to others. So the
mask is a constant, and the key travels in a header, to one origin, and is struck out of whatever Google says.
Source: developers.google.com/maps/documentation/places/web-service/place-details.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from dateutil import tz

from scrapersky.runtime.outcomes import Fail, Retry, Snooze
from scrapersky.settings import Settings
from scrapersky.web.client import WebClient

FIELD_MASK = (
    "id,displayName,formattedAddress,addressComponents,location,types,primaryType,businessStatus,nationalPhoneNumber,"
    "internationalPhoneNumber,websiteUri,rating,userRatingCount,priceLevel,regularOpeningHours,utcOffsetMinutes,"
    "timeZone,googleMapsUri,movedPlaceId"
)
"""What is stored and nothing else: billed as Enterprise. Photos are free but unused; reviews would cost more."""

MAX_ANSWER_BYTES = 1_000_000

_PACIFIC = tz.tzstr("PST8PDT,M3.2.0,M11.1.0")  # by rule: Lambda's image has no time zone database
_KEY_REASONS = frozenset(("API_KEY_INVALID", "API_KEY_EXPIRED"))


@dataclass(frozen=True)
class Problem:
    """What Google answered instead of a place."""

    http_status: int
    word: str
    reasons: frozenset[str]
    message: str
    retry_after: float | None


async def place_details(
    web: WebClient, settings: Settings, key: str, place_id: str
) -> Mapping[str, Any] | Retry | Snooze | Fail:
    """What Google knows of ``place_id`` (the fields of :data:`FIELD_MASK`; unknown ones are absent), or why it does not.

    One paid call. Raises FetchError where the web itself fails.
    """
    language = urlencode({"languageCode": settings.places_language})
    fetched = await web.get(
        f"{settings.places_base_url.rstrip('/')}/v1/places/{quote(place_id, safe='')}?{language}",
        headers={"X-Goog-Api-Key": key, "X-Goog-FieldMask": FIELD_MASK, "Accept": "application/json"},
        max_bytes=MAX_ANSWER_BYTES,
        robots=False,
    )
    answer = _json_object(fetched.body)
    if fetched.status >= 400:
        return _meaning(_problem(fetched.status, answer, key, fetched.retry_after), settings, place_id)
    if answer is None:
        return Retry(
            "bad_response", f"Places answered {fetched.status} for {place_id}, but not with a whole JSON object"
        )
    return answer


def seconds_until_quota_resets(now: datetime) -> float:
    """Seconds from ``now`` (aware) to the next midnight of US Pacific time, when Google's daily quotas start anew."""
    here = now.astimezone(_PACIFIC)
    midnight = datetime(here.year, here.month, here.day, tzinfo=_PACIFIC) + timedelta(days=1)
    return (midnight.astimezone(UTC) - now.astimezone(UTC)).total_seconds()


def _meaning(problem: Problem, settings: Settings, place_id: str) -> Retry | Snooze | Fail:
    said = f"Places answered {problem.http_status} {problem.word}: {problem.message}"
    pause = settings.configuration_pause_seconds
    match problem:
        case Problem(reasons=reasons) if reasons & _KEY_REASONS:
            return Snooze("places_key_invalid", said, after=pause, pause=True)
        case Problem(http_status=401 | 403):
            return Snooze("places_denied", said, after=pause, pause=True)
        case Problem(http_status=404, word="NOT_FOUND"):
            return Fail("place_not_found", f"Google no longer knows the place {place_id}. {said}")
        case Problem(http_status=400, message=message) if "place id" in message.lower():
            return Fail("no_such_place", f"{place_id!r} is not a place id. {said}")
        case Problem(http_status=400 | 404):
            # Our request is wrong for every place alike (a field Google dropped, a wrong address): blame none of them.
            return Snooze("places_denied", said, after=pause, pause=True)
        case Problem(http_status=429, message=message) if "per day" in message.lower():
            return Snooze("places_quota_day", said, after=seconds_until_quota_resets(datetime.now(UTC)), pause=True)
        case Problem(http_status=429):
            return Retry("http_429", said, after=problem.retry_after)
        case _:
            return Retry("places_unavailable", said, after=problem.retry_after)


def _problem(status: int, answer: Mapping[str, Any] | None, key: str, retry_after: float | None) -> Problem:
    error = (answer or {}).get("error")
    error = error if isinstance(error, dict) else {}
    details = error.get("details")
    details = [detail for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []
    message = str(error.get("message") or "no explanation").replace(key, "(the key)")
    return Problem(
        http_status=status,
        word=str(error.get("status") or ""),
        reasons=frozenset(str(detail["reason"]) for detail in details if detail.get("reason")),
        message=" ".join(message.split())[:500],
        retry_after=retry_after,
    )


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None
