"""The verdict: what the database says after everything has come to rest. Every number but the first two must be 0."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from scrapersky.runtime.registry import METADATA
from scrapersky.status.invariants import find_breaches
from tests.chaos.effects import WRITTEN

ENDED = "status IN ('Completed', 'Error')"

FAULTS: Mapping[str, str] = {
    # A record that came to no end.
    "stuck": f"SELECT count(*) FROM domains WHERE NOT {ENDED}",
    # A success whose result is not there.
    "lost": f"""
        SELECT count(*) FROM attempts WHERE outcome = 'done' AND code = '{WRITTEN}' AND NOT EXISTS (
            SELECT FROM effects WHERE effects.record_id = attempts.record_id AND effects.request_id = attempts.request_id)""",
    # A result of an attempt that did not end in success, or of none at all.
    "stale accepted": f"""
        SELECT count(*) FROM effects WHERE NOT EXISTS (
            SELECT FROM attempts WHERE attempts.record_id = effects.record_id AND attempts.request_id = effects.request_id
              AND outcome = 'done' AND code = '{WRITTEN}')""",
    "applied twice": """
        SELECT coalesce(sum(times - 1), 0) FROM (
            SELECT count(*) AS times FROM effects GROUP BY record_id, request_id) AS counted""",
    "attempts ended twice": "SELECT count(*) FROM ended_twice",
    # Each attempt lets its record into Processing once and out of it once, and history has no holes.
    "attempts that moved their record otherwise than once in and once out": """
        SELECT count(*) FROM attempts LEFT JOIN (
            SELECT attempt_id, count(*) FILTER (WHERE to_status = 'Processing') AS entered,
                   count(*) FILTER (WHERE from_status = 'Processing') AS left_it
            FROM status_events WHERE attempt_id IS NOT NULL GROUP BY 1) AS moves USING (attempt_id)
        WHERE entered IS DISTINCT FROM 1 OR left_it IS DISTINCT FROM 1""",
    "holes in history": """
        SELECT count(*) FROM (
            SELECT from_status, lag(to_status) OVER (PARTITION BY workflow, record_id ORDER BY event_id) AS before
            FROM status_events) AS steps
        WHERE from_status IS DISTINCT FROM before""",
    "errors without a reason": "SELECT count(*) FROM domains WHERE status = 'Error' AND coalesce(error, '') = ''",
}


@dataclass(frozen=True)
class Verdict:
    """``faults`` by name, with the records' ends by status and error code, and attempts by outcome."""

    faults: Mapping[str, int]
    ends: Mapping[str, int]
    outcomes: Mapping[str, int]
    effects: int


def judge(connection: Connection) -> Verdict:
    """Looks at everything. Reads whole tables."""
    faults = {name: int(connection.execute(text(query)).scalar_one()) for name, query in FAULTS.items()}
    faults["broken invariants"] = len(find_breaches(connection, METADATA))
    return Verdict(
        faults=faults,
        ends=_counts(
            connection, "SELECT concat_ws(' ', status, error_code), count(*) FROM domains GROUP BY 1 ORDER BY 1"
        ),
        outcomes=_counts(connection, "SELECT coalesce(outcome, 'live'), count(*) FROM attempts GROUP BY 1 ORDER BY 1"),
        effects=int(connection.execute(text("SELECT count(*) FROM effects")).scalar_one()),
    )


def _counts(connection: Connection, query: str) -> dict[str, int]:
    return {row[0]: row[1] for row in connection.execute(text(query))}
