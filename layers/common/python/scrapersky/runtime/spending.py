"""Spending: what a job must ask before a call that costs money."""

from scrapersky.errors import Misconfigured, Permanent
from scrapersky.runtime.runtime import Runtime
from scrapersky.settings import Settings
from scrapersky.status.budget import Spent, seconds_left_today, spend


def spend_one(runtime: Runtime, budget: str, workflow: str, record_id: int) -> None:
    """Count one call of ``budget`` for the record, before it is made.

    The caps are the settings ``<budget>_calls_per_day`` and ``<budget>_calls_per_record``. Raises
    Misconfigured when the day's calls are spent (the workflow pauses until midnight UTC), and Permanent when the
    record's are.
    """
    per_day, per_record = _caps(runtime.settings, budget)
    with runtime.database.autocommit() as connection:
        spent = spend(connection, budget, f"{workflow}:{record_id}", per_day=per_day, per_record=per_record)
        if spent is Spent.ALLOWED:
            return
        if spent is Spent.RECORD_EXHAUSTED:
            raise Permanent(
                "budget_of_the_record", f"{per_record} paid {budget} calls were made today for {workflow} {record_id}"
            )
        wait = seconds_left_today(connection)
    raise Misconfigured("budget_of_the_day", f"the day's {per_day} paid {budget} calls are used up", retry_after=wait)


def _caps(settings: Settings, budget: str) -> tuple[int, int]:
    """Return the calls of ``budget`` allowed per day and per record and day."""
    match budget:
        case "places":
            return settings.places_calls_per_day, settings.places_calls_per_record
        case "proxy":
            return settings.proxy_calls_per_day, settings.proxy_calls_per_record
        case _:
            raise ValueError(f"budget {budget!r} is unknown; valid budgets are 'places' and 'proxy'")
