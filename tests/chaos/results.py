"""The result of a run: what the database shows when everything has ended, what happened, and the report."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from scrapersky.metrics import INVARIANT_BREACHES
from scrapersky.runtime.registry import METADATA
from scrapersky.status.invariants import find_breaches
from tests.chaos.effects import WRITTEN
from tests.chaos.plan import Plan

ENDED = "status IN ('Completed', 'Error')"
STALE = "Stale"
UNEXPLAINED = "exceptions that no injected fault explains"
ILLEGAL_ACCEPTED = "illegal SQL accepted"

COMPARED = f"""
    SELECT coalesce(effects, 0) AS effects, coalesce(results, 0) AS results FROM
        (SELECT record_id, request_id, count(*) AS effects FROM effects GROUP BY 1, 2) AS written
    FULL JOIN
        (SELECT record_id, request_id, count(*) AS results FROM attempts
         WHERE outcome = 'done' AND code = '{WRITTEN}' GROUP BY 1, 2) AS succeeded USING (record_id, request_id)"""
"""The effects and the successful attempts of each invocation on each record."""

CHECKS: Mapping[str, str] = {
    "records that did not end": f"SELECT count(*) FROM domains WHERE NOT {ENDED}",
    # A success without its effect.
    "results lost": f"SELECT count(*) FROM ({COMPARED}) AS compared WHERE results > effects",
    # An effect of an attempt that did not succeed, or of no attempt.
    "stale results applied": f"SELECT count(*) FROM ({COMPARED}) AS compared WHERE effects > 0 AND results = 0",
    "results applied twice": f"SELECT count(*) FROM ({COMPARED}) AS compared WHERE effects > results AND results > 0",
    "attempts ended twice": "SELECT count(*) FROM ended_twice",
    # Each attempt moves its record into Processing once and out of it once.
    "attempts that did not move their record in and out exactly once": """
        SELECT count(*) FROM attempts LEFT JOIN (
            SELECT attempt_id, count(*) FILTER (WHERE to_status = 'Processing') AS entered,
                   count(*) FILTER (WHERE from_status = 'Processing') AS left_it
            FROM status_events WHERE attempt_id IS NOT NULL GROUP BY 1) AS moves USING (attempt_id)
        WHERE entered IS DISTINCT FROM 1 OR left_it IS DISTINCT FROM 1""",
    "gaps in the history": """
        SELECT count(*) FROM (
            SELECT from_status, lag(to_status) OVER (PARTITION BY workflow, record_id ORDER BY event_id) AS before
            FROM status_events) AS steps
        WHERE from_status IS DISTINCT FROM before""",
    "errors without a reason": "SELECT count(*) FROM domains WHERE status = 'Error' AND coalesce(error, '') = ''",
}
"""Each query must return 0."""


@dataclass(frozen=True)
class DatabaseState:
    """``violations`` by name, records by status and error code, attempts by outcome, and the number of effects."""

    violations: Mapping[str, int]
    records: Mapping[str, int]
    attempts: Mapping[str, int]
    effects: int


def check_database(connection: Connection) -> DatabaseState:
    """Run all checks. Reads whole tables."""
    violations = {name: int(connection.execute(text(query)).scalar_one()) for name, query in CHECKS.items()}
    violations["broken invariants"] = len(find_breaches(connection, METADATA))

    def counts(query: str) -> dict[str, int]:
        return {row[0]: row[1] for row in connection.execute(text(query))}

    return DatabaseState(
        violations=violations,
        records=counts("SELECT concat_ws(' ', status, error_code), count(*) FROM domains GROUP BY 1 ORDER BY 1"),
        attempts=counts("SELECT coalesce(outcome, 'live'), count(*) FROM attempts GROUP BY 1 ORDER BY 1"),
        effects=int(connection.execute(text("SELECT count(*) FROM effects")).scalar_one()),
    )


@dataclass
class Result:
    """What happened in a run, and whether anything was wrong."""

    plan: Plan
    database: DatabaseState
    deliveries: int
    seconds: float
    virtual_seconds: float
    kills: Counter[str]
    happened: Counter[str]
    observed: Counter[str] = field(default_factory=Counter)  #: metrics and log lines of the functions

    @property
    def passed(self) -> bool:
        """Whether there is no violation."""
        return not any(self.violations.values())

    @property
    def violations(self) -> dict[str, int]:
        """What must not have happened: each must be 0."""
        return {
            **self.database.violations,
            "invariants that a tick found broken": self.observed[INVARIANT_BREACHES],
            ILLEGAL_ACCEPTED: self.happened[ILLEGAL_ACCEPTED],
            UNEXPLAINED: self.happened[UNEXPLAINED],
        }


def as_json(result: Result) -> dict[str, Any]:
    """Return all counters."""
    return {
        "passed": result.passed,
        "seed": result.plan.seed,
        "records": result.plan.records,
        "deliveries": result.deliveries,
        "kills": sum(result.kills.values()),
        "stale_rejected": result.observed[STALE],
        "effects": result.database.effects,
        "seconds": round(result.seconds, 1),
        "virtual_hours": round(result.virtual_seconds / 3_600, 1),
        "violations": result.violations,
        "killed_at": dict(sorted(result.kills.items())),
        "happened": dict(sorted(result.happened.items())),
        "attempts": dict(result.database.attempts),
        "records_ended": dict(result.database.records),
        "observed": dict(sorted(result.observed.items())),
    }


def as_table(result: Result) -> str:
    """Return the report for the terminal."""
    counters = as_json(result)
    head = {
        "seed": counters["seed"],
        "deliveries": result.deliveries,
        "results applied": counters["effects"],
        "stale results rejected": counters["stale_rejected"],
        "processes killed": counters["kills"],
        "seconds": f"{result.seconds:.0f}, {result.deliveries / result.seconds:.0f} deliveries a second",
        "virtual time": f"{counters['virtual_hours']} hours",
    }
    parts = [
        _section("Chaos", head),
        _section("Killed at", counters["killed_at"]),
        _section("Faults and events", counters["happened"]),
        _section("Attempts by outcome", counters["attempts"]),
        _section("Records by status", counters["records_ended"]),
        _section("Metrics and warnings of the functions", counters["observed"]),
        _section("Violations (each must be 0)", counters["violations"]),
        "PASSED" if result.passed else "FAILED",
    ]
    return "\n\n".join(parts)


def _section(title: str, rows: Mapping[str, object]) -> str:
    width = max((len(name) for name in rows), default=0)
    lines = (f"  {name:<{width}}  {f'{value:,}' if isinstance(value, int) else value}" for name, value in rows.items())
    return "\n".join([title, *lines])
