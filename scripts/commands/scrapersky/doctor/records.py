"""Records and their attempts: the product's own invariants, with what sets each right."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from scrapersky.runtime.registry import WORKFLOWS
from scrapersky.status.invariants import find_breaches
from scripts.commands.scrapersky.doctor.finding import Finding

AT_MOST = 20
"""Breaches of one workflow that are told one by one."""

MEND = {
    # Leaving Processing by hand is legal exactly when no live attempt holds the record; the claim then takes it anew.
    "processing_without_live_attempt": "UPDATE {table} SET {status} = 'Queued' WHERE id = %d AND {status} = 'Processing';",
    "live_attempt_without_processing": "UPDATE attempts SET finished_at = now(), outcome = 'released', code = 'doctor'"
    " WHERE workflow = {workflow} AND record_id = %d AND finished_at IS NULL;",
    "two_live_attempts": "UPDATE attempts SET finished_at = now(), outcome = 'released', code = 'doctor'"
    " WHERE workflow = {workflow} AND record_id = %d AND finished_at IS NULL AND attempt_id < (SELECT max(attempt_id)"
    " FROM attempts WHERE workflow = {workflow} AND record_id = %d AND finished_at IS NULL);",
    "due_at_not_exactly_when_queued": "UPDATE {table} SET {due_at} = CASE WHEN {status} = 'Queued' THEN now() END"
    " WHERE id = %d;",
    "error_code_not_exactly_when_error": "UPDATE {table} SET {error_code} = CASE WHEN {status} = 'Error' THEN 'unknown' END"
    " WHERE id = %d;",
}

WHY = {
    "processing_without_live_attempt": "nobody works on it and no recovery will ever take it back: it is stuck",
    "live_attempt_without_processing": "it counts as in flight for ever, and the record cannot be claimed",
    "two_live_attempts": "it is worked on (and paid for) twice; only a missing index lets this happen",
    "due_at_not_exactly_when_queued": "it is claimed though nobody queued it, or is queued and never claimed",
    "error_code_not_exactly_when_error": "nobody can tell why it failed, or a record that did not fail says it did",
}


def check_records(connection: Connection) -> Iterator[Finding]:
    """Every broken invariant of every workflow. Reads the watched tables whole."""
    for workflow in WORKFLOWS.values():
        for breach in find_breaches(connection, workflow, limit=AT_MOST):
            mend = workflow.sql(MEND[breach.breach])
            yield Finding(
                check="invariant_broken",
                what=f"{workflow.name} {breach.record_id}: {breach.breach.replace('_', ' ')}",
                where=f"table {workflow.table}, id {breach.record_id}",
                why=f"{WHY[breach.breach]}. scripts/explain {workflow.name} {breach.record_id} tells how it came",
                mend=(mend.replace("%d", str(breach.record_id)),),
            )
