"""Labels: how far the records of a list are, and when all of them have ended.

A label is done when none of its records is Queued or Processing, and none of those that came in is New without a decision
against it. Each tick looks for labels that are done now, and notes the moment: once, unless more records come in.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from scrapersky.runtime.registry import WORKFLOWS
from scrapersky.vocabulary import Status

OPEN = text("""
INSERT INTO labels (tenant, label, tables) SELECT tenant, label, ARRAY[CAST(:table AS text)]
FROM unnest(CAST(:tenants AS text[]), CAST(:labels AS text[])) AS opened (tenant, label) ORDER BY tenant, label
ON CONFLICT (tenant, label) DO UPDATE
SET opened_at = clock_timestamp(), done_at = NULL,
    tables = CASE WHEN labels.tables @> excluded.tables THEN labels.tables ELSE labels.tables || excluded.tables END
""")

FIRST = {workflow.table: workflow for workflow in reversed(WORKFLOWS.values())}
"""The workflow that a record waits for when it comes in, by table."""
UNDECIDED = """'{table}' = ANY(labels.tables) AND {status} = 'New'
    AND coalesce(to_jsonb({table}) ->> 'curation_status', 'New') NOT IN ('Not a Fit', 'Archived')"""
"""Not every table has decisions, hence as JSON."""
OF_LABEL = "{table}.label = labels.label AND {table}.tenant = labels.tenant"
WORKING = f"""
EXISTS (SELECT FROM {{table}} WHERE {{due_at}} IS NOT NULL AND {OF_LABEL}) OR EXISTS (
    SELECT FROM attempts JOIN {{table}} ON {{table}}.id = record_id
    WHERE workflow = {{workflow}} AND finished_at IS NULL AND {OF_LABEL})"""
NOT_ENDED = "\nOR ".join(
    [workflow.sql(WORKING) for workflow in WORKFLOWS.values()]
    + [workflow.sql(f"EXISTS (SELECT FROM {{table}} WHERE {UNDECIDED} AND {OF_LABEL})") for workflow in FIRST.values()]
)

WAITING = text("SELECT EXISTS (SELECT FROM labels WHERE done_at IS NULL AND look_after <= now())")
"""Asked first: to plan the look at every table costs 7 ms, and most ticks have no label to look for."""

FINISH = text(f"""
-- One snapshot: no hand-off is between its two records.
WITH ended AS MATERIALIZED (
    SELECT tenant, label, opened_at FROM labels WHERE done_at IS NULL AND look_after <= now() AND NOT ({NOT_ENDED})
)
-- Postgres compares again after it has waited for the row: a label that was opened meanwhile has another time.
UPDATE labels SET done_at = now() FROM ended
WHERE labels.tenant = ended.tenant AND labels.label = ended.label AND labels.opened_at = ended.opened_at
  AND labels.done_at IS NULL
RETURNING labels.tenant, labels.label
""")

LATER = text("""
UPDATE labels SET look_after = now() + make_interval(secs => :seconds) WHERE done_at IS NULL AND look_after <= now()
""")
QUICK_SECONDS, SHARE = 0.05, 20
"""A look that takes longer is repeated after so many times its duration: a label may have a million records."""

OF_TENANT = "label = :label AND (CAST(:tenant AS text) IS NULL OR tenant = :tenant)"
READ = text(f"SELECT min(created_at), max(done_at) FROM labels WHERE {OF_TENANT}")


def _count() -> str:
    parts = []
    for name, workflow in WORKFLOWS.items():
        undecided = f"coalesce(bool_or({UNDECIDED}), false)" if FIRST[workflow.table].name == name else "false"
        parts.append(
            workflow.sql(
                f"SELECT {{workflow}}, {{status}}, count(*), {undecided} FROM {{table}}"
                f" LEFT JOIN labels USING (tenant, label) WHERE {OF_TENANT} GROUP BY {{status}}"
            )
        )
    return "\nUNION ALL ".join(parts)


COUNT = text(_count())


@dataclass(frozen=True, slots=True)
class Progress:
    """The records of a label by workflow and status, at one moment. ``done_at``: when a tick found it done."""

    workflows: dict[str, dict[Status, int]]
    done: bool
    created_at: datetime | None
    done_at: datetime | None


def open_labels(connection: Connection, table: str, labels: Iterable[tuple[str, str]]) -> None:
    """Note that records of ``table`` came in with ``labels`` (tenant and label): these are not done."""
    pairs = sorted(set(labels))
    if pairs:
        tenants, names = zip(*pairs, strict=True)
        connection.execute(OPEN, {"table": table, "tenants": list(tenants), "labels": list(names)})


def finish_labels(connection: Connection) -> list[tuple[str, str]]:
    """Note the labels whose records have all ended; return tenant and label of each that is done from now on.

    All ticks together look for a twentieth of the time at most.
    """
    if not connection.execute(WAITING).scalar_one():
        return []
    began = time.monotonic()
    done = [(tenant, label) for tenant, label in connection.execute(FINISH)]
    if (seconds := time.monotonic() - began) > QUICK_SECONDS:
        connection.execute(LATER, {"seconds": SHARE * seconds})
    return done


def progress(connection: Connection, label: str, tenant: str | None) -> Progress | None:
    """Return the progress of ``label`` (of all tenants: None), None if no record has it."""
    values = {"label": label, "tenant": tenant}
    created_at, done_at = connection.execute(READ, values).one()
    workflows: dict[str, dict[Status, int]] = {}
    done = True
    for workflow, status, count, undecided in connection.execute(COUNT, values):
        workflows.setdefault(workflow, dict.fromkeys(Status, 0))[Status(status)] = count
        done &= not undecided and status not in (Status.QUEUED, Status.PROCESSING)
    return Progress(workflows, done, created_at, done_at if done else None) if workflows else None
