"""The common queries over lines at hand: what Logs Insights would answer, for the local run and for saved files."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from statistics import quantiles
from typing import Any

from scripts.commands.scrapersky.logs.query import Mistake
from scripts.commands.scrapersky.logs.stage import Row

TRAIL = ("timestamp", "from_status", "to_status", "outcome", "code", "error_code", "duration_ms", "attempt_id")


def answer(name: str, lines: Iterable[Row], values: Mapping[str, str]) -> list[Row]:
    """The rows of the query ``name``. Raises :class:`Mistake` for one that only Logs Insights can run."""
    if name not in HERE:
        raise Mistake(f"query {name} runs on a stage in AWS only; on the local run's logs: {', '.join(HERE)}")
    return HERE[name]([line for line in lines if line.get("message") == "transition"], values)


def record_trail(transitions: Iterable[Row], values: Mapping[str, str]) -> list[Row]:
    """Every status change of one record, oldest first."""
    wanted = (values["workflow"], values["record_id"])
    mine = [line for line in transitions if (line["workflow"], str(line["record_id"])) == wanted]
    # Lines of one invocation come in the order they were written, but invocations overlap.
    mine.sort(key=lambda line: (line["attempt_id"], line["from_status"] != "Queued"))
    return [{key: line.get(key) for key in TRAIL} for line in mine]


def errors_by_code(transitions: Iterable[Row], _: Mapping[str, str]) -> list[Row]:
    """What went wrong, most frequent first."""
    errors: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for line in transitions:
        if line["to_status"] == "Error":
            errors[line["service"], line["workflow"], line["error_code"]].append(line)
    rows = [
        {
            "service": service,
            "workflow": workflow,
            "error_code": code,
            "errors": len(those),
            "example": those[-1]["record_id"],
        }
        for (service, workflow, code), those in errors.items()
    ]
    return sorted(rows, key=lambda row: (-row["errors"], row["workflow"], row["error_code"]))


def slow_records(transitions: Iterable[Row], _: Mapping[str, str]) -> list[Row]:
    """Milliseconds per workflow and code, the slowest first."""
    took: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for line in transitions:
        if line.get("duration_ms") is not None:
            took[line["workflow"], line["code"]].append(line["duration_ms"])
    rows = [
        {
            "workflow": workflow,
            "code": code,
            "p50": percentile(those, 50),
            "p95": percentile(those, 95),
            "worst": max(those),
            "records": len(those),
        }
        for (workflow, code), those in took.items()
    ]
    return sorted(rows, key=lambda row: -row["worst"])


def percentile(values: list[int], percent: int) -> int:
    """The ``percent``-th percentile, interpolated."""
    return round(quantiles(values, n=100, method="inclusive")[percent - 1]) if len(values) > 1 else values[0]


HERE: dict[str, Callable[[Iterable[Row], Mapping[str, str]], list[Row]]] = {
    "record-trail": record_trail,
    "errors-by-code": errors_by_code,
    "slow-records": slow_records,
}
