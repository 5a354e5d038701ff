"""Paid calls: the API key from a secret, and the budget that is charged before each call."""

import json
import re

from scrapersky.errors import Misconfigured, Permanent
from scrapersky.runtime.registry import PLACE_SEARCH
from scrapersky.runtime.runtime import Runtime
from scrapersky.settings import Settings
from scrapersky.status.budget import Spent, seconds_left_today, spend
from scrapersky.vocabulary import RecordId

_KEY = re.compile(r"[!-~]{1,512}")


class UnusableKey(ValueError):
    """The secret contains no key that could be sent. The message names the setting and never the content."""


def key_of(secret: str, setting: str) -> str:
    """Return the API key in ``secret``: the bare key, or ``{"api_key": …}``.

    ``setting`` is the environment variable that names the secret. Raises :class:`UnusableKey`.
    """
    text = secret.strip()
    if text.startswith("{"):
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError):
            parsed = None
        text = str((parsed if isinstance(parsed, dict) else {}).get("api_key") or "").strip()
    if not _KEY.fullmatch(text):
        raise UnusableKey(f'the secret of {setting} must hold the bare API key or {{"api_key": "…"}}')
    return text


def spend_one(runtime: Runtime, budget: str, workflow: str, record_id: RecordId) -> None:
    """Charge one call to ``budget`` (``places`` or ``proxy``) and the record, before the call is made.

    Raises Misconfigured ``budget_of_the_day`` when the day's calls are spent (the workflow pauses until midnight UTC),
    and Permanent ``budget_of_the_record`` when the record's are.
    """
    per_day, per_record = _caps(runtime.settings, budget, workflow)
    with runtime.database.autocommit() as connection:
        spent = spend(connection, budget, f"{workflow}:{record_id}", per_day=per_day, per_record=per_record)
        if spent is Spent.ALLOWED:
            return
        if spent is Spent.RECORD_EXHAUSTED:
            raise Permanent(
                "budget_of_the_record", f"{per_record} paid {budget} calls were made today for {workflow} {record_id}"
            )
        wait = seconds_left_today(connection)
    raise Misconfigured("budget_of_the_day", f"the day's {per_day} paid {budget} calls are spent", retry_after=wait)


def _caps(settings: Settings, budget: str, workflow: str) -> tuple[int, int]:
    """Return the calls of ``budget`` that are allowed per day, and per record of ``workflow`` and day."""
    match budget:
        case "places":
            searching = workflow == PLACE_SEARCH.name
            per_record = settings.place_search_calls_per_search if searching else settings.places_calls_per_record
            return settings.places_calls_per_day, per_record
        case "proxy":
            return settings.proxy_calls_per_day, settings.proxy_calls_per_record
        case _:
            raise ValueError(f"budget {budget!r} is unknown; valid budgets are 'places' and 'proxy'")
