"""Answers as text: aligned columns without a frame, the same on a terminal and in a pipe. Nothing depends on colour."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.cells import cell_len

NONE = "–"
MAX_LISTED = 20


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[str] = ()) -> Iterator[str]:
    """Yield the lines of a table whose columns are as wide as their values; those in ``right`` are right-aligned.

    The last column is never padded: a long value runs on and the terminal wraps it.
    """
    lines = [columns, *rows]
    widths = [max(cell_len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        cells = []
        for name, cell, width in zip(columns, line, widths, strict=True):
            space = " " * (width - cell_len(cell))
            cells.append(space + cell if name in right else cell + space)
        yield " ".join(cells).rstrip()


def expanded(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield each row as a block of lines, one a column, for rows that are too wide for the terminal."""
    width = max(map(len, columns), default=0)
    for row in rows:
        for name, cell in zip(columns, row, strict=True):
            first, *more = cell.splitlines() or [""]
            yield f"{name:<{width}}  {first}".rstrip()
            yield from (f"{'':<{width}}  {line}" for line in more)
        yield ""


def age(seconds: float | None) -> str:
    """Return ``seconds`` as a whole number of the largest unit, at most six characters; a dash for none."""
    if seconds is None or seconds <= 0:
        return NONE
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


def age_of(instant: str | None, now: str) -> str:
    """Return the :func:`age` of an ISO 8601 time; a dash for none."""
    if instant is None:
        return NONE
    return age(max((datetime.fromisoformat(now) - datetime.fromisoformat(instant)).total_seconds(), 0.5))


def number(count: int) -> str:
    """Return ``count`` in at most six characters."""
    if count < 100_000:
        return f"{count:,}"
    for size, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if count >= size:
            return f"{count / size:.1f}{unit}" if count < 100 * size else f"{count // size}{unit}"
    raise AssertionError


def listed(values: Sequence[Any]) -> str:
    """Return the first values, and how many more there are."""
    more = f", … {len(values) - MAX_LISTED:,} more" if len(values) > MAX_LISTED else ""
    return ", ".join(map(str, values[:MAX_LISTED])) + more


def cell(value: Any) -> str:
    """Return one value of an answer."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return listed(value) or NONE
    return NONE if value is None else str(value)


def by_workflow(answer: Mapping[str, Any]) -> Iterator[str]:
    """Yield one row per workflow of what ``run``, ``pause`` or ``resume`` did."""
    workflows = answer["workflows"]
    shown = [{key: value for key, value in one.items() if key != "not_moved"} for one in workflows.values()]
    columns = list(dict.fromkeys(key for one in shown for key in one))
    rows = [[name, *(cell(one.get(column)) for column in columns)] for name, one in zip(workflows, shown, strict=True)]
    yield from table(["Workflow", *(column.replace("_", " ").capitalize() for column in columns)], rows)
    for one in workflows.values():
        yield from reasons(one)


def reasons(answer: Mapping[str, Any]) -> Iterator[str]:
    """Yield why each record was not moved."""
    for one in answer.get("not_moved", ()):
        yield f"  {one['record']}: {one['reason']}"
