"""Explain: one record's timeline in one workflow, as data and as text: every status change and every attempt."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, text

from scrapersky.errors import plural, shorten
from scrapersky.status.records import json_ready
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import RecordId, Status

NOW = """
SELECT {status} AS status, {due_at} AS due_at, {failures} AS failures, {error_code} AS error_code, {error} AS error,
       now() AS at
FROM {table} WHERE id = :record_id
"""

REPORT = "SELECT report FROM {table} WHERE id = :record_id"

EVENTS = text("""
SELECT at, from_status, to_status, actor, attempt_id, reason, error_code FROM status_events
WHERE workflow = :workflow AND record_id = :record_id ORDER BY event_id
""")

ATTEMPTS = text("""
SELECT attempt_id, trigger, dispatched_at, started_at, finished_at, lease_until, outcome, code, detail, worker,
       request_id, extract(epoch FROM finished_at - started_at)::float8 AS seconds
FROM attempts WHERE workflow = :workflow AND record_id = :record_id ORDER BY attempt_id
""")

MAX_DETAIL_CHARACTERS = 300
"""The part of an attempt's details that the text shows. The data has all."""

MAX_REPORT_ROWS = 100
"""The rows of a report that the text shows. The data has all."""


def explain(connection: Connection, workflow: Workflow, record_id: RecordId) -> dict[str, Any] | None:
    """Return the record's state, events and attempts, oldest first, JSON-ready; None when there is no such record.

    ``at`` is the database's time of the query. ``report`` is the record's own report of what was tried, where the
    workflow's records have one. ``history_deleted``: older events were deleted (:mod:`scrapersky.status.retention`).
    :func:`as_text` renders the result.
    """
    found = connection.execute(workflow.statement(NOW), {"record_id": record_id}).mappings().one_or_none()
    if found is None:
        return None
    now = json_ready(found)
    key = {"workflow": workflow.name, "record_id": record_id}
    events = [json_ready(row) for row in connection.execute(EVENTS, key).mappings()]
    attempts = [json_ready(row) for row in connection.execute(ATTEMPTS, key).mappings()]
    report = {}
    if hasattr(workflow.model, "report"):
        report["report"] = connection.execute(workflow.statement(REPORT), key).scalar_one()
    return {
        "workflow": workflow.name,
        "id": record_id,
        "at": now.pop("at"),
        "now": now,
        "history_deleted": _begins_late(events, attempts, now["status"]),
        "events": events,
        "attempts": attempts,
        **report,
    }


def as_text(timeline: Mapping[str, Any]) -> str:
    """Render the result of :func:`explain`: the record's state, then its history with times, actors and reasons."""
    lines = [_headline(timeline), *(f"  {line}" for line in _state(timeline)), ""]
    if timeline.get("history_deleted"):
        lines.append("Older history was deleted: it is kept for HISTORY_DAYS.")
    previous: datetime | None = None
    for entry in entries(timeline):
        gap = "" if previous is None else f"+{duration((entry.at - previous).total_seconds())}"
        lines.append(f"{instant(entry.at)} {gap:>9}  {entry.headline}")
        lines += [f"{'':31} {line}" for line in entry.details]
        previous = entry.at
    if previous is None and not timeline.get("history_deleted"):
        lines.append("No history yet: the record was never queued.")
    return "\n".join([*lines, *_report(timeline.get("report") or [])])


def _begins_late(events: Sequence[Mapping[str, Any]], attempts: Sequence[Mapping[str, Any]], status: str) -> bool:
    """Return whether an event names an attempt that is gone, or the first one (else ``status``) cannot be the first."""
    first = events[0]["from_status"] if events else status
    named = {event["attempt_id"] for event in events} - {None}
    return first not in (None, Status.NEW) or not named <= {attempt["attempt_id"] for attempt in attempts}


def duration(seconds: float) -> str:
    """Return ``seconds`` in the largest unit that leaves two or three digits."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{max(seconds, 0) * 1000:.0f} ms"


def instant(moment: datetime) -> str:
    """Return ``moment`` to the second, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the timeline."""

    at: datetime
    headline: str
    details: tuple[str, ...] = ()


def _headline(timeline: Mapping[str, Any]) -> str:
    now = timeline["now"]
    code = f": {now['error_code']}" if now["error_code"] else ""
    failures = f", after {plural(now['failures'], 'failure')}" if now["failures"] else ""
    return f"{timeline['workflow']} {timeline['id']} is {now['status']}{code}{failures}"


def _state(timeline: Mapping[str, Any]) -> Iterator[str]:
    now, at = timeline["now"], datetime.fromisoformat(timeline["at"])
    if now["error"]:
        yield now["error"]
    if now["due_at"]:
        due = datetime.fromisoformat(now["due_at"])
        left = (due - at).total_seconds()
        yield f"due {'in' if left > 0 else 'since'} {duration(abs(left))} ({instant(due)})"
    for attempt in timeline["attempts"]:
        if attempt["finished_at"] is None:
            left = (datetime.fromisoformat(attempt["lease_until"]) - at).total_seconds()
            phase = "is at work" if attempt["started_at"] else "waits for its message"
            lease = f"ends in {duration(left)}" if left > 0 else f"ended {duration(-left)} ago"
            yield f"attempt {attempt['attempt_id']} holds it and {phase}; its lease {lease}"


def entries(timeline: Mapping[str, Any]) -> Sequence[Entry]:
    """Return the history of the result of :func:`explain`, oldest first."""
    attempts = {attempt["attempt_id"]: attempt for attempt in timeline["attempts"]}
    found = [_change(event, attempts.get(event["attempt_id"])) for event in timeline["events"]]
    found += [_start(attempt) for attempt in timeline["attempts"] if attempt["started_at"]]
    return sorted(found, key=lambda entry: entry.at)


def _change(event: Mapping[str, Any], attempt: Mapping[str, Any] | None) -> Entry:
    headline = f"{event['from_status'] or '(created)'} → {event['to_status']}, by {event['actor']}"
    details = [f"reason: {event['reason']}"] if event["reason"] else []
    if attempt and event["to_status"] == "Processing":
        headline += f"; attempt {attempt['attempt_id']} ({attempt['trigger']})"
    elif attempt and event["from_status"] == "Processing":
        code = f" {attempt['code']}" if attempt["code"] and attempt["code"] != attempt["outcome"] else ""
        worked = "" if attempt["seconds"] is None else f" after {duration(attempt['seconds'])} of work"
        headline += f"; attempt {attempt['attempt_id']} ended {attempt['outcome']}{code}{worked}"
        details += _details(attempt["detail"] or {})
    return Entry(datetime.fromisoformat(event["at"]), headline, tuple(details))


def _start(attempt: Mapping[str, Any]) -> Entry:
    started, sent = (datetime.fromisoformat(attempt[name]) for name in ("started_at", "dispatched_at"))
    waited = duration((started - sent).total_seconds())
    how = "pulled by a worker" if attempt["trigger"] == "pull" else f"{waited} after it was sent"
    request = f", request {attempt['request_id']}" if attempt["request_id"] else ""
    return Entry(
        started,
        f"attempt {attempt['attempt_id']} starts, {how}",
        (f"on {attempt['worker']}{request}",) if attempt["worker"] else (),
    )


def _details(detail: Mapping[str, Any]) -> Iterator[str]:
    if detail.get("reason"):
        yield str(detail["reason"])
    rest = {key: value for key, value in detail.items() if key != "reason"}
    if rest:
        line = json.dumps(rest, ensure_ascii=False)
        yield shorten(line, MAX_DETAIL_CHARACTERS)


def _report(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what the last attempt tried, one line per row as :class:`scrapersky.models.Sitemap` stores it."""
    if rows:
        yield from ("", f"It tried {plural(len(rows), 'url')}:")
    for row in rows[:MAX_REPORT_ROWS]:
        urls = "" if row["urls"] is None else f", {plural(row['urls'], 'url')}"
        kind = "" if row["type"] is None else f", {row['type']}"
        yield f"  {row['result']:<18} {row['url']} ({row['method']}{kind}{urls})"
    if len(rows) > MAX_REPORT_ROWS:
        yield f"  … and {len(rows) - MAX_REPORT_ROWS} more"
