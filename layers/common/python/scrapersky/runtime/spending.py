"""Spending: what a job must ask before a call that costs money."""

from scrapersky.errors import WorkError
from scrapersky.runtime.runtime import Runtime
from scrapersky.status.budget import Spent, seconds_left_today, spend

BUDGET_OF_THE_DAY = "budget_of_the_day"


def spend_one(runtime: Runtime, budget: str, workflow: str, record_id: int) -> None:
    """Counts one call of ``budget`` for the record. Raises WorkError when the day's or the record's calls are used up.

    The caps are the settings ``<budget>_calls_per_day`` and ``<budget>_calls_per_record``. A used-up day pauses the
    workflow until midnight UTC; a record that needs more calls than it may make ends in Error.
    """
    per_day = getattr(runtime.settings, f"{budget}_calls_per_day")
    per_record = getattr(runtime.settings, f"{budget}_calls_per_record")
    with runtime.database.autocommit() as connection:
        spent = spend(connection, budget, f"{workflow}:{record_id}", per_day=per_day, per_record=per_record)
        if spent is Spent.ALLOWED:
            return
        if spent is Spent.RECORD_EXHAUSTED:
            raise WorkError(
                "budget_of_the_record", f"{per_record} paid {budget} calls were made today for {workflow} {record_id}"
            )
        wait = seconds_left_today(connection)
    raise WorkError(BUDGET_OF_THE_DAY, f"the day's {per_day} paid {budget} calls are used up", retry_after=wait)
