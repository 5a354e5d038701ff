"""Client for Place Details of Google's Places API (New).

Warning: every call costs money, by the most expensive field of the mask, and a leaked key can be used by others. The
mask is therefore a constant; the key is sent in a header, to one origin only, and is removed from Google's messages.
Source: https://developers.google.com/maps/documentation/places/web-service/place-details
"""

import json
import re
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
"""The fields that are stored: billed as Enterprise. Photos are free but unused; reviews would cost more."""

MAX_ANSWER_BYTES = 1_000_000

_PLACE_ID = re.compile(r"[A-Za-z0-9_-]{1,500}")
_PACIFIC = tz.tzstr("PST8PDT,M3.2.0,M11.1.0")  # a POSIX rule, as Lambda's image has no time zone database
_KEY_REASONS = frozenset(("API_KEY_INVALID", "API_KEY_EXPIRED"))


@dataclass(frozen=True)
class ApiError:
    """An error answer of Google."""

    http_status: int
    status: str
    reasons: frozenset[str]
    message: str
    retry_after: float | None


def is_usable(place_id: str) -> bool:
    """Return whether ``place_id`` can be one: others (``..``, none) would address another resource of the API."""
    return _PLACE_ID.fullmatch(place_id) is not None


async def place_details(
    web: WebClient, settings: Settings, key: str, place_id: str
) -> Mapping[str, Any] | Retry | Snooze | Fail:
    """Return the fields of :data:`FIELD_MASK` that Google knows of ``place_id``, or the outcome of an error answer.

    Makes one paid call. Raises FetchError if the request fails. ``place_id`` must be usable (:func:`is_usable`).
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
        return _outcome(_api_error(fetched.status, answer, key, fetched.retry_after), settings, place_id)
    if answer is None:
        return Retry("bad_response", f"Places answered {fetched.status} for {place_id} without a complete JSON object")
    return answer


def seconds_until_quota_resets(now: datetime) -> float:
    """Return the seconds from ``now`` (aware) to the next US Pacific midnight, when Google resets daily quotas."""
    here = now.astimezone(_PACIFIC)
    midnight = datetime(here.year, here.month, here.day, tzinfo=_PACIFIC) + timedelta(days=1)
    return (midnight.astimezone(UTC) - now.astimezone(UTC)).total_seconds()


def _outcome(error: ApiError, settings: Settings, place_id: str) -> Retry | Snooze | Fail:
    reason = f"Places answered {error.http_status} {error.status}: {error.message}"
    pause = settings.configuration_pause_seconds
    match error:
        case ApiError(reasons=reasons) if reasons & _KEY_REASONS:
            return Snooze("places_key_invalid", reason, after=pause, pause=True)
        case ApiError(http_status=401 | 403):
            return Snooze("places_denied", reason, after=pause, pause=True)
        case ApiError(http_status=404, status="NOT_FOUND"):
            return Fail("place_not_found", f"Google no longer knows the place {place_id}. {reason}")
        case ApiError(http_status=400, message=message) if "place id" in message.lower():
            return Fail("no_such_place", f"{place_id!r} is not a place id. {reason}")
        case ApiError(http_status=400 | 404):
            # The request is wrong for every place (a field that Google dropped, a wrong URL): blame none of them.
            return Snooze("places_denied", reason, after=pause, pause=True)
        case ApiError(http_status=429, message=message) if "per day" in message.lower():
            return Snooze("places_quota_day", reason, after=seconds_until_quota_resets(datetime.now(UTC)), pause=True)
        case ApiError(http_status=429):
            return Retry("http_429", reason, after=error.retry_after)
        case _:
            return Retry("places_unavailable", reason, after=error.retry_after)


def _api_error(status: int, answer: Mapping[str, Any] | None, key: str, retry_after: float | None) -> ApiError:
    error = (answer or {}).get("error")
    error = error if isinstance(error, dict) else {}
    details = error.get("details")
    details = [detail for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []
    message = str(error.get("message") or "no message").replace(key, "(key)")
    return ApiError(
        http_status=status,
        status=str(error.get("status") or ""),
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
