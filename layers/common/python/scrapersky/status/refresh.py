"""Refresh: Completed → Queued for records whose last reading is old, the oldest first, a few at each tick.

What a tick looks at is bounded: it starts where the last one stopped, and begins again behind the last old record. So
records that are not refreshed (in Error, Archived, suppressed, in work) hide no others, however many they are.
"""

from sqlalchemy import Connection

from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import RecordId

WINDOW = 20
"""Old records that a tick looks at, for each that it may queue."""

ACTOR = "refresh"

REFRESH = """
WITH {set_actor},
-- Where the last tick stopped; nothing while the workflow is paused.
start AS MATERIALIZED (
    SELECT coalesce(refreshed_at, '-infinity') AS at, coalesce(refreshed_id, 0) AS id FROM service_controls, actor
    WHERE workflow = {workflow} AND NOT {paused}
),
-- The next old records, in whatever status.
old AS MATERIALIZED (
    SELECT id, {read_at} AS at FROM {table}
    WHERE ({read_at}, id) > ((SELECT at FROM start), (SELECT id FROM start))
      AND {read_at} < now() - make_interval(days => :days)
    ORDER BY {read_at}, id LIMIT :looked_at
),
-- Those of them that may be read again.
chosen AS MATERIALIZED (
    SELECT id, {read_at} AS at FROM {table}
    WHERE id = ANY(ARRAY(SELECT id FROM old)) AND {status} = 'Completed' AND curation_status <> 'Archived'
      AND (
        SELECT site.curation_status <> 'Archived' AND NOT is_suppressed(site.domain)
        FROM domains AS site WHERE site.id = {table}.{domain_id})
    ORDER BY {read_at}, id LIMIT :most
),
locked AS MATERIALIZED (
    SELECT id FROM {table} WHERE id = ANY(ARRAY(SELECT id FROM chosen)) AND {status} = 'Completed'
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
),
-- The next tick starts behind the last one chosen, or else behind all that were looked at, or from the oldest.
stop AS MATERIALIZED (
    (SELECT at, id FROM chosen WHERE (SELECT count(*) FROM chosen) = :most ORDER BY at DESC, id DESC LIMIT 1)
    UNION ALL
    (SELECT at, id FROM old WHERE (SELECT count(*) FROM old) = :looked_at ORDER BY at DESC, id DESC LIMIT 1)
    LIMIT 1
),
stopped AS (
    UPDATE service_controls SET refreshed_at = (SELECT at FROM stop), refreshed_id = (SELECT id FROM stop)
    WHERE workflow = {workflow}
      AND (refreshed_at, refreshed_id) IS DISTINCT FROM ((SELECT at FROM stop), (SELECT id FROM stop))
)
UPDATE {table} SET {status} = 'Queued', {due_at} = now() WHERE id = ANY(ARRAY(SELECT id FROM locked)) RETURNING id
"""


def refresh(connection: Connection, workflow: Workflow, *, days: int, most: int) -> list[RecordId]:
    """Queue at most ``most`` Completed records that were last read more than ``days`` days ago; return their ids.

    Archived and suppressed ones, and those of such domains, are left alone. Needs the row of :func:`record_tick`, and
    AUTOCOMMIT. Raises ValueError for a workflow that reads nothing.
    """
    if workflow.read_at is None:
        raise ValueError(f"{workflow.name} has no read_at, so that the age of its records is not known")
    names = {"{read_at}": workflow.read_at, "{domain_id}": "id" if workflow.table == "domains" else "domain_id"}
    template = REFRESH
    for name, column in names.items():
        template = template.replace(name, column)
    values = {"days": days, "most": most, "looked_at": WINDOW * most}
    audit = {"actor": ACTOR, "reason": f"last read more than {days} days ago"}
    return sorted(connection.execute(workflow.statement(template), values | audit).scalars())
