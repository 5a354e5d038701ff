"""housekeeping: apply the storage limits once a day. ``{"dry_run": true}`` only counts what would be changed."""

import os
import time
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from scrapersky import metrics
from scrapersky.database import Database
from scrapersky.metrics import Observer
from scrapersky.protection.housekeeping import apply, count, overdue_days, rules
from scrapersky.runtime.input_model import Flag, InputModel
from scrapersky.secret_store import read_secret
from scrapersky.settings import Settings, load

NAME = "housekeeping"
RESERVE_SECONDS = 30.0
"""Kept at the end of an invocation for the statement that is running."""

settings = load(Settings, os.environ)
database = Database(settings, NAME, read_secret)
observer = Observer(NAME, settings.stage)


class Payload(InputModel):
    """A manual payload."""

    dry_run: Flag = False


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Serve the schedule's event or a manual payload: apply or count each rule, and report how far it is behind."""
    observer.begin(context)
    try:
        payload = Payload() if event.get("source") == "aws.events" else Payload.model_validate(event)
    except ValidationError as error:
        (first, *_) = error.errors()
        return {"error": {"field": ".".join(map(str, first["loc"])) or "payload", "message": first["msg"]}}
    end = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS
    rows: dict[str, int] = {}
    overdue = 0.0
    with database.autocommit() as connection:
        for rule in rules(settings):
            if payload.dry_run:
                rows[rule.name] = count(connection, rule)
                continue
            rows[rule.name] = apply(connection, rule, lambda: time.monotonic() < end)
            overdue = max(overdue, overdue_days(connection, rule))
    if not payload.dry_run:
        # Also 0: the alarm fires without a value, because then the function did not run.
        observer.count(metrics.HOUSEKEEPING_OVERDUE_DAYS, overdue)
    keys = {"rows": rows, "dry_run": payload.dry_run, "overdue_days": round(overdue, 1)}
    observer.line("housekeeping", keys)
    observer.flush()
    return keys
