"""Answers as a person likes to read them. Nothing is told by colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scrapersky.status.explain import as_text
from scrapersky.vocabulary import Status

WIDE = 130
"""Columns of a screen on which everything has room."""


def show_status(console: Console, answer: Mapping[str, Any]) -> None:
    """One row per workflow, then what deserves a look. On a narrow screen the services are left out."""
    services = ["Service"] if console.width >= WIDE else []
    table = _table("Workflow", *services, *Status, "Oldest due", "Last tick", "State")
    concerns: list[str] = []
    for name, told in answer["workflows"].items():
        counts = told["counts"]
        table.add_row(
            name,
            *(told["service"] for _ in services),
            *(Text(f"{counts.get(status, 0):,}", justify="right") for status in Status),
            duration(told["oldest_due_seconds"]),
            _instant(told["last_tick_at"]) or "never",
            _state(told),
        )
        if told["paused"]:
            until = f" until {_instant(told['paused_until'])}" if told["paused_until"] else ""
            concerns.append(f"{name} is paused{until} by {told['paused_by']}: {told['pause_reason']}")
        concerns += [
            f"{name} {breach['id']}: invariant broken: {breach['breach']}" for breach in told["invariant_breaches"]
        ]
        if counts.get(Status.ERROR, 0):
            concerns.append(f"{name}: {counts[Status.ERROR]:,} records in Error; scrapersky explain {name} ID says why")
    console.print(table)
    for concern in concerns:
        console.print(f"  ! {concern}", markup=False, highlight=False, soft_wrap=True)


def show_workflows(console: Console, answer: Mapping[str, Any]) -> None:
    """One row per workflow of what ``run``, ``pause`` or ``resume`` did."""
    workflows = answer["workflows"]
    columns = list(dict.fromkeys(key for told in workflows.values() for key in told))
    table = _table("Workflow", *(column.replace("_", " ").capitalize() for column in columns))
    for name, told in workflows.items():
        table.add_row(name, *(_cell(told.get(column)) for column in columns))
    console.print(table)


def show_moved(console: Console, answer: Mapping[str, Any]) -> None:
    """What ``requeue``, ``cancel`` or ``abandon`` moved, and what it left alone."""
    moved = answer.get("ended", answer.get("ids", []))
    console.print(f"{answer['workflow']}: {len(moved):,} moved {_listed(moved)}", highlight=False, soft_wrap=True)
    for one in answer.get("not_moved", ()):
        console.print(f"  {one['record']}: {one['reason']}", highlight=False, soft_wrap=True)


def show_process(console: Console, answer: Mapping[str, Any]) -> None:
    """How one record ended that was worked on in the foreground."""
    console.print(f"{answer['workflow']} {answer['id']}", style="bold", highlight=False)
    for title in ("now", "attempt"):
        table = _table(title.capitalize(), "")
        for key, value in answer[title].items():
            if value is not None:
                table.add_row(key, _cell(value))
        console.print(table)


def show_timeline(console: Console, answer: Mapping[str, Any]) -> None:
    """One record's state, its status changes and its attempts, oldest first."""
    console.print(as_text(answer), markup=False, highlight=False, soft_wrap=True)


def duration(seconds: float) -> str:
    """``seconds`` in the largest unit that tells something; a dash for none."""
    if seconds <= 0:
        return "–"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def _state(told: Mapping[str, Any]) -> str:
    if told["invariant_breaches"]:
        return "BROKEN"
    return "paused" if told["paused"] else "ok"


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in columns:
        number = column in set(Status)
        table.add_column(
            column, overflow="fold", justify="right" if number else "left", no_wrap=number or column == "Workflow"
        )
    return table


def _cell(value: Any) -> Text:
    if value is None:
        return Text("–")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, list):
        return Text(_listed(value).strip("()") or "–")
    text = str(value)
    return Text(_instant(text) or text)


def _instant(text: str | None) -> str | None:
    """An ISO 8601 instant to the second, with its zone."""
    if not text or len(text) < 19 or text[4:5] != "-" or text[10] not in "T ":
        return None
    zone = "Z" if text.endswith(("+00:00", "Z")) else text[-6:]
    return f"{text[:10]} {text[11:19]}{zone}"


def _listed(values: list[Any]) -> str:
    shown = ", ".join(str(value) for value in values[:20])
    more = f", … {len(values) - 20:,} more" if len(values) > 20 else ""
    return f"({shown}{more})" if values else ""
