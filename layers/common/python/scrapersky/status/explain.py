"""Explain: one record's whole timeline in one workflow: every status change with who and why, every attempt with its end."""

from typing import Any

from sqlalchemy import Connection, text

from scrapersky.status.workflow import Workflow

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
SELECT attempt_id, trigger, dispatched_at, started_at, finished_at, lease_until, outcome, code, detail, worker, request_id,
       extract(epoch FROM finished_at - started_at)::float8 AS seconds
FROM attempts WHERE workflow = :workflow AND record_id = :record_id ORDER BY attempt_id
""")


def explain(connection: Connection, workflow: Workflow, record_id: int) -> dict[str, Any] | None:
    """The record's present state, events and attempts, oldest first, JSON-ready; None when there is no such record.

    ``at`` is the database's clock at the question. Where the records of a workflow keep a report of what was tried,
    ``report`` is it. As text: :func:`scrapersky.status.timeline.tell`.
    """
    found = connection.execute(workflow.statement(NOW), {"record_id": record_id}).mappings().one_or_none()
    if found is None:
        return None
    now = _plain(found)
    asked = {"workflow": workflow.name, "record_id": record_id}
    reported = {}
    if hasattr(workflow.model, "report"):
        reported["report"] = connection.execute(workflow.statement(REPORT), asked).scalar_one()
    return {
        "workflow": workflow.name,
        "id": record_id,
        "at": now.pop("at"),
        "now": now,
        "events": [_plain(row) for row in connection.execute(EVENTS, asked).mappings()],
        "attempts": [_plain(row) for row in connection.execute(ATTEMPTS, asked).mappings()],
        **reported,
    }


def _plain(row: Any) -> dict[str, Any]:
    return {key: value.isoformat() if hasattr(value, "isoformat") else value for key, value in row.items()}
