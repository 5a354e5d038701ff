"""Paid calls of Google's Places API (New): the key, the budget, and what an error answer means for the record.

Warning: every call costs money, by the most expensive field of its mask, and a leaked key can be used by others. Masks
are therefore constants; the key is sent in a header, to one origin only, and is removed from Google's messages.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dateutil import tz

from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Fail, Retry, Snooze
from scrapersky.runtime.paid_calls import UnusableKey, key_of
from scrapersky.settings import Settings
from scrapersky.vocabulary import RecordId
from scrapersky.web.storable import tidy

MAX_ANSWER_BYTES = 1_000_000

Refusal = Retry | Snooze | Fail

_PLACE_ID = re.compile(r"[A-Za-z0-9_-]{1,500}")
_PACIFIC = tz.tzstr("PST8PDT,M3.2.0,M11.1.0")  # a POSIX rule, as Lambda's image has no time zone database
_KEY_REASONS = frozenset(("API_KEY_INVALID", "API_KEY_EXPIRED"))


@dataclass(frozen=True)
class ApiError:
    """An error answer of Google; ``fields`` are those of the request that it calls invalid."""

    http_status: int
    status: str
    reasons: frozenset[str]
    fields: frozenset[str]
    message: str
    retry_after: float | None

    @property
    def reason(self) -> str:
        """The error as a sentence."""
        return f"Places answered {self.http_status} {self.status}: {self.message}"


async def call_places(
    ctx: JobContext,
    path: str,
    mask: str,
    refused: Callable[[ApiError], Refusal | None],
    *,
    body: Mapping[str, Any] | None = None,
    charged: RecordId | None = None,
) -> Mapping[str, Any] | Refusal:
    """Make one paid call; return Google's answer, or the outcome of an error.

    ``path`` may have a query; with a ``body`` it is a POST. ``refused`` returns the outcome of a 400 or 404 that lies in
    the record's own values; any other pauses the workflow, because the request would be refused for every record.
    ``charged`` is the record whose budget is spent, if it is not the job's own. Raises FetchError if the request fails,
    and the errors of :attr:`JobContext.spend`.
    """
    settings = ctx.settings
    try:
        key = await _key(ctx)
    except UnusableKey as error:
        return Snooze("places_key_invalid", str(error), after=settings.configuration_pause_seconds, pause=True)
    await ctx.spend("places", charged)
    url = f"{settings.places_base_url.rstrip('/')}{path}"
    headers = {"X-Goog-Api-Key": key, "X-Goog-FieldMask": mask, "Accept": "application/json"}
    if body is None:
        fetched = await ctx.web.get(url, headers=headers, max_bytes=MAX_ANSWER_BYTES, robots=False)
    else:
        sent = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
        fetched = await ctx.web.post(url, sent, headers=headers, max_bytes=MAX_ANSWER_BYTES)
    answer = _json_object(fetched.body)
    if fetched.status >= 400:
        return _outcome(_api_error(fetched.status, answer, key, fetched.retry_after), settings, refused)
    if answer is None or fetched.status >= 300:
        return Retry("bad_response", f"Places answered {fetched.status} for {path} without a complete JSON object")
    return answer


def is_usable(place_id: str) -> bool:
    """Return whether ``place_id`` can be one: others (``..``, none) would address another resource of the API."""
    return _PLACE_ID.fullmatch(place_id) is not None


def name_and_position(place: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of Place that a search gives: the current name, address and position, None if absent."""
    location = mapping_of(place.get("location"))
    return {
        "name": text_of(mapping_of(place.get("displayName")).get("text")),
        "formatted_address": text_of(place.get("formattedAddress")),
        "latitude": number_of(location.get("latitude")),
        "longitude": number_of(location.get("longitude")),
    }


def text_of(value: object) -> str | None:
    """Return ``value`` as text that can be stored, or None if it is no text."""
    return tidy(value) if isinstance(value, str) else None


def number_of(value: object) -> float | None:
    """Return ``value`` as a number, or None if it is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def mapping_of(value: object) -> Mapping[str, Any]:
    """Return ``value``, or an empty object if it is none."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> Sequence[Any]:
    """Return ``value``, or an empty list if it is none."""
    return value if isinstance(value, list) else ()


def seconds_until_quota_resets(now: datetime) -> float:
    """Return the seconds from ``now`` (aware) to the next US Pacific midnight, when Google resets daily quotas."""
    here = now.astimezone(_PACIFIC)
    midnight = datetime(here.year, here.month, here.day, tzinfo=_PACIFIC) + timedelta(days=1)
    return (midnight.astimezone(UTC) - now.astimezone(UTC)).total_seconds()


async def _key(ctx: JobContext) -> str:
    """Return the API key. Raises UnusableKey for every reason that makes it unavailable: none is the record's fault."""
    name = ctx.settings.places_secret
    if not name:
        raise UnusableKey("PLACES_SECRET is not set; it must name the secret that holds the Google Places API key")
    try:
        return key_of(await ctx.secret(name), "PLACES_SECRET")
    except UnusableKey:
        raise
    except Exception as error:
        raise UnusableKey(f"the secret {name!r} could not be read: {type(error).__name__}") from None


def _outcome(error: ApiError, settings: Settings, refused: Callable[[ApiError], Refusal | None]) -> Refusal:
    pause = settings.configuration_pause_seconds
    match error:
        case ApiError(reasons=reasons) if reasons & _KEY_REASONS:
            return Snooze("places_key_invalid", error.reason, after=pause, pause=True)
        case ApiError(http_status=401 | 403):
            return Snooze("places_denied", error.reason, after=pause, pause=True)
        case ApiError(http_status=400 | 404):
            return refused(error) or Snooze("places_denied", error.reason, after=pause, pause=True)
        case ApiError(http_status=429, message=message) if "per day" in message.lower():
            wait = seconds_until_quota_resets(datetime.now(UTC))
            return Snooze("places_quota_day", error.reason, after=wait, pause=True)
        case ApiError(http_status=429):
            return Retry("http_429", error.reason, after=error.retry_after)
        case _:
            return Retry("places_unavailable", error.reason, after=error.retry_after)


def _api_error(status: int, answer: Mapping[str, Any] | None, key: str, retry_after: float | None) -> ApiError:
    error = mapping_of((answer or {}).get("error"))
    details = [mapping_of(detail) for detail in list_of(error.get("details"))]
    fields = [mapping_of(one).get("field") for detail in details for one in list_of(detail.get("fieldViolations"))]
    message = str(error.get("message") or "no message").replace(key, "(key)")
    return ApiError(
        http_status=status,
        status=str(error.get("status") or ""),
        reasons=frozenset(str(detail["reason"]) for detail in details if detail.get("reason")),
        fields=frozenset(map(str, filter(None, fields))),
        message=" ".join(message.split())[:500],
        retry_after=retry_after,
    )


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None
