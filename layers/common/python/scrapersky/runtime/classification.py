"""The one table that says what a failure means: try again, give up, or stop and fetch a person."""

from enum import Enum

from scrapersky.errors import WorkError
from scrapersky.runtime.outcomes import Fail, Outcome, Retry, Snooze
from scrapersky.settings import Settings


class Kind(Enum):
    """What a failure's code calls for."""

    TRANSIENT = "transient"  #: may go better later → Retry
    PERMANENT = "permanent"  #: cannot go better → Fail at once
    LATER = "later"  #: nobody was asked yet, as it is not our turn → Snooze, blame no record
    CONFIGURATION = "configuration"  #: our own fault → pause the workflow, blame no record


KINDS: dict[str, Kind] = {
    **dict.fromkeys(
        (
            "timeout",
            "connect",
            "reset",
            "dns",
            "tls",
            "bad_response",
            "robots_unreachable",
            "http_408",
            "http_425",
            "http_429",
            "http_5xx",
            "places_unavailable",
            "proxy_busy",
            "proxy_failed",
        ),
        Kind.TRANSIENT,
    ),
    **dict.fromkeys(
        (
            "blocked_address",
            "invalid_url",
            "robots_disallowed",
            "too_large",
            "too_many_redirects",
            "bad_redirect",
            "http_4xx",
            "not_html",
            "empty",
            "parked",
            "captcha",
            "not_xml",
            "not_a_sitemap",
            "is_an_index",
            "invalid_domain",
            "invalid_website",
            "place_not_found",
            "no_such_place",
            "budget_of_the_record",
            "proxy_refused",
        ),
        Kind.PERMANENT,
    ),
    **dict.fromkeys(("host_busy", "host_resting", "proxy_budget_of_the_day"), Kind.LATER),
    **dict.fromkeys(
        ("places_denied", "places_key_invalid", "places_quota_day", "budget_of_the_day", "proxy_denied"),
        Kind.CONFIGURATION,
    ),
}
"""Every code, and what it means. ``http_4xx`` and ``http_5xx`` stand for the statuses not named."""


def kind_of(code: str) -> Kind:
    """What ``code`` calls for; an ``http_`` status not named goes by its hundred. Raises KeyError for an unknown code."""
    if code in KINDS:
        return KINDS[code]
    if code.startswith("http_") and len(code) == len("http_404"):
        return Kind.TRANSIENT if code[5] == "5" else Kind.PERMANENT
    raise KeyError(code)


def outcome_of(error: WorkError, settings: Settings) -> Outcome:
    """The outcome that a job which let ``error`` escape means."""
    match kind_of(error.code):
        case Kind.TRANSIENT:
            return Retry(error.code, error.reason, after=error.retry_after)
        case Kind.PERMANENT:
            return Fail(error.code, error.reason)
        case Kind.LATER:
            return Snooze(error.code, error.reason, after=error.retry_after or settings.retry_base_seconds)
        case Kind.CONFIGURATION:
            after = error.retry_after or settings.configuration_pause_seconds
            return Snooze(error.code, error.reason, after=after, pause=True)


def unexpected(error: BaseException) -> Retry:
    """The outcome of an exception nobody classified: tried again a little, then Error with its type and text."""
    return Retry("unexpected", f"{type(error).__name__}: {error}")
