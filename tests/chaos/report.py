"""The report of a chaos run, as a table for people and as JSON."""

from collections.abc import Mapping
from typing import Any

from tests.chaos.outcome import Outcome

STALE = "Stale"


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Everything that was counted."""
    return {
        "passed": outcome.passed,
        "seed": outcome.plan.seed,
        "records": outcome.plan.records,
        "deliveries": outcome.deliveries,
        "kills": sum(outcome.kills.values()),
        "stale_rejected": outcome.told[STALE],
        "effects": outcome.verdict.effects,
        "seconds": round(outcome.seconds, 1),
        "virtual_hours": round(outcome.virtual_seconds / 3_600, 1),
        "faults": outcome.faults,
        "killed_at": dict(sorted(outcome.kills.items())),
        "happened": dict(sorted(outcome.happened.items())),
        "attempts": dict(outcome.verdict.outcomes),
        "records_ended": dict(outcome.verdict.ends),
        "told": dict(sorted(outcome.told.items())),
    }


def as_table(outcome: Outcome) -> str:
    """The same, to be read."""
    told = as_json(outcome)
    head = {
        "seed": told["seed"],
        "deliveries": outcome.deliveries,
        "results applied": outcome.verdict.effects,
        "stale rejected": told["stale_rejected"],
        "processes killed": told["kills"],
        "seconds": f"{outcome.seconds:.0f}, {outcome.deliveries / outcome.seconds:.0f} deliveries a second",
        "virtual time": f"{told['virtual_hours']} hours",
    }
    parts = [
        _section("Chaos", head),
        _section("Killed at", told["killed_at"]),
        _section("What happened", told["happened"]),
        _section("Attempts", told["attempts"]),
        _section("Records ended", told["records_ended"]),
        _section("What the functions told", told["told"]),
        _section("Faults (each must be 0)", told["faults"]),
        "PASSED" if outcome.passed else "FAILED",
    ]
    return "\n\n".join(parts)


def _section(title: str, rows: Mapping[str, object]) -> str:
    width = max((len(name) for name in rows), default=0)
    lines = (f"  {name:<{width}}  {f'{value:,}' if isinstance(value, int) else value}" for name, value in rows.items())
    return "\n".join([title, *lines])
