"""What the pages read. Every statement reads a bounded part of its tables, however many records there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from scrapersky.runtime.registry import (
    DEEP_SCAN,
    DISCOVERY,
    DOMAIN_EXTRACTION,
    EMAIL_CHECK,
    HAND_OFFS,
    IMPORT,
    METADATA,
    PAGE_READING,
    HandOff,
)
from scrapersky.settings import Settings
from scrapersky.status.control import Control, read_control
from scrapersky.status.gauges import Gauges, read_gauges
from scrapersky.status.invariants import count_cheap_breaches
from scrapersky.status.records import count_by_code
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import CONTACT_PAGES

ROWS = 50
"""Rows of a page."""
NEWEST = 1_000
"""The newest records among which those are counted that wait for a person."""
ATTEMPTS = 20_000
"""The newest attempts that a page looks at."""
QUEUED = 10_000
"""Queued records of a workflow that are counted."""
COUNTED = 1_000
"""Records of one error code that the overview counts."""
PARTS = 12
"""Parts of five minutes in the last hour."""

LATE_MINUTES = 2
"""A tick that is later than its interval and this is reported."""

ACTIVITY = text("""
-- The newest attempts, of all workflows, that were dispatched in the last hour: ids carry their second.
WITH recent AS MATERIALIZED (
    SELECT attempt_id / 1000000 AS second, workflow, outcome FROM attempts
    WHERE attempt_id >= CAST(extract(epoch FROM now()) - 3600 AS bigint) * 1000000
    ORDER BY attempt_id DESC LIMIT :most
)
SELECT workflow, least(11, greatest(0, CAST(extract(epoch FROM now()) AS bigint) - second) / 300) AS part,
    CASE WHEN outcome IS NULL THEN 'working' WHEN outcome = 'done' THEN 'done'
         WHEN outcome IN ('snoozed', 'released', 'undelivered') THEN 'later' ELSE 'failed' END AS kind,
    count(*) AS attempts
FROM recent GROUP BY 1, 2, 3
""")

WAITING_FOR_PEOPLE = """
SELECT count(*) FILTER (WHERE {status} = 'New') FROM (SELECT {status} FROM {table} ORDER BY id DESC LIMIT :most) AS newest
"""

BUDGETS = text("""
SELECT budget, calls FROM paid_calls WHERE day = (now() AT TIME ZONE 'UTC')::date AND key = ''
""")

QUEUE = """
WITH RECURSIVE {tenants},
-- The first records of each tenant behind the last page, in the order in which they are claimed.
of_tenants AS (
    SELECT id, due FROM tenants CROSS JOIN LATERAL (
        SELECT id, {due_at} AS due FROM {table}
        WHERE {table}.tenant = tenants.tenant AND {due_at} IS NOT NULL AND ({due_at}, id) > (CAST(:due AS timestamptz), :id)
          AND {due_at} <= CAST(:until AS timestamptz)
        ORDER BY {due_at}, id LIMIT :limit
    ) AS of_tenant
),
page AS MATERIALIZED (SELECT id FROM of_tenants ORDER BY due, id LIMIT :limit)
SELECT id, {key} AS record, {due_at} AS due_at, {failures} AS failures, tenant FROM {table}
WHERE id = ANY(ARRAY(SELECT id FROM page)) ORDER BY {due_at}, id
"""

WORKING = """
SELECT record_id AS id, (SELECT {key} FROM {table} WHERE id = record_id) AS record, trigger, dispatched_at, started_at,
    lease_until, worker
FROM attempts WHERE workflow = {workflow} AND finished_at IS NULL AND record_id > :id ORDER BY record_id LIMIT :limit
"""

LOOKED_TO = text("""
SELECT min(attempt_id), count(*) FROM (
    SELECT attempt_id FROM attempts WHERE attempt_id < :before ORDER BY attempt_id DESC LIMIT :most
) AS newest
""")
"""The last of the newest attempts of all workflows: no index has those of one workflow in their order."""

ENDED = """
SELECT record_id AS id, (SELECT {key} FROM {table} WHERE id = record_id) AS record, outcome, code, finished_at,
    extract(epoch FROM finished_at - started_at)::float8 AS seconds, worker, attempt_id
FROM attempts
WHERE attempt_id < :before AND attempt_id >= :looked_to AND workflow = {workflow} AND finished_at IS NOT NULL
ORDER BY attempt_id DESC LIMIT :limit
"""

Rows = Sequence[RowMapping]


@dataclass(frozen=True)
class Card:
    """One workflow on the overview. ``parts``: attempts by kind in each five minutes of the last hour, oldest first."""

    workflow: Workflow
    gauges: Gauges
    control: Control
    late: bool
    errors: Mapping[str, int]
    breaches: int
    sources: Sequence[tuple[HandOff, bool]]
    waiting: int | None
    parts: Sequence[Mapping[str, int]]


def read_card(
    connection: Connection,
    workflow: Workflow,
    settings: Settings,
    activity: Sequence[RowMapping],
    now: datetime,
    interval_minutes: int,
) -> Card:
    """Return what the overview shows of ``workflow``. ``activity`` holds the rows of :data:`ACTIVITY`."""
    control = read_control(connection, workflow)
    minutes = interval_minutes + LATE_MINUTES
    late = control.last_tick_at is None or (now - control.last_tick_at).total_seconds() > 60 * minutes
    sources = [(one, one.is_automatic(settings)) for one in HAND_OFFS if one.target == workflow != one.source]
    waiting = None
    if not all(automatic for _, automatic in sources) or not sources:
        waiting = connection.execute(workflow.statement(WAITING_FOR_PEOPLE), {"most": NEWEST}).scalar_one()
    parts: list[dict[str, int]] = [{} for _ in range(PARTS)]
    for row in activity:
        if row["workflow"] == workflow.name:
            parts[PARTS - 1 - row["part"]][row["kind"]] = row["attempts"]
    return Card(
        workflow=workflow,
        gauges=read_gauges(connection, workflow, most=QUEUED),
        control=control,
        late=late,
        errors=count_by_code(connection, workflow, limit=3, counted=COUNTED),
        breaches=count_cheap_breaches(connection, workflow),
        sources=sources,
        waiting=waiting,
        parts=parts,
    )


def read_queue(
    connection: Connection, workflow: Workflow, *, due: str, until: str, after: int
) -> tuple[Rows, dict[str, Any]]:
    """Return Queued records that are due up to ``until``, in the order of claims, and where the next page begins.

    ``due`` and ``after`` are time and id of the last record of the previous page.
    """
    values = {"due": due, "until": until, "id": after, "limit": ROWS + 1}
    rows = connection.execute(workflow.statement(QUEUE), values).mappings().all()
    last = rows[ROWS - 1] if len(rows) > ROWS else None
    return rows[:ROWS], {"due": last["due_at"].isoformat(), "after": last["id"]} if last else {}


def read_working(connection: Connection, workflow: Workflow, *, after: int) -> tuple[Rows, dict[str, Any]]:
    """Return the live attempts in the order of their records, and where the next page begins."""
    values = {"id": after, "limit": ROWS + 1}
    rows = connection.execute(workflow.statement(WORKING), values).mappings().all()
    return rows[:ROWS], {"after": rows[ROWS - 1]["id"]} if len(rows) > ROWS else {}


def read_ended(connection: Connection, workflow: Workflow, *, before: int) -> tuple[Rows, dict[str, Any]]:
    """Return the newest attempts that ended, and where the next page begins. A page may be short or empty, and go on."""
    looked_to, number = connection.execute(LOOKED_TO, {"before": before, "most": ATTEMPTS}).one()
    if looked_to is None:
        return [], {}
    values = {"before": before, "looked_to": looked_to, "limit": ROWS + 1}
    rows = connection.execute(workflow.statement(ENDED), values).mappings().all()
    if len(rows) > ROWS:
        return rows[:ROWS], {"before": rows[ROWS - 1]["attempt_id"]}
    return rows, {"before": looked_to} if number == ATTEMPTS else {}


HOSTS = """
SELECT code, (SELECT domain FROM domains WHERE domains.id = domain_id) AS host, records
FROM unnest(CAST(:codes AS text[])) AS codes (code) CROSS JOIN LATERAL (
    -- The most frequent hosts among the newest records of the code.
    SELECT domain_id, count(*) AS records FROM (
        SELECT domain_id FROM {table} WHERE {error_code} = code ORDER BY id DESC LIMIT :most
    ) AS newest
    WHERE domain_id IS NOT NULL GROUP BY domain_id ORDER BY records DESC, domain_id LIMIT 3
) AS hosts
"""

PEOPLE = text("""
-- The newest status changes that people requested, by the index of exactly these; see ix_status_events_people.
WITH newest AS MATERIALIZED (
    SELECT event_id, workflow, record_id, to_status, at, actor, reason FROM status_events
    WHERE reason NOT LIKE 'handed off by %' AND reason NOT LIKE 'last read more than %' AND event_id < :before
    ORDER BY event_id DESC LIMIT :most
)
SELECT date_trunc('minute', at) AS at, actor, reason, workflow, to_status, count(*) AS records,
    min(record_id) AS record_id, min(event_id) AS event_id
FROM newest GROUP BY 1, 2, 3, 4, 5 ORDER BY max(event_id) DESC
""")

PAUSES = text("""
SELECT workflow, paused_at, paused_by, pause_reason, paused_until, resumed_at, resumed_by, resume_reason
FROM pauses ORDER BY pause_id DESC LIMIT :limit
""")

ERASURES = text("""
SELECT at, actor, reason, workflow, cardinality(record_ids) AS records FROM erasures ORDER BY erasure_id DESC LIMIT :limit
""")

SUPPRESSIONS = text("""
-- A list may suppress thousands of values in one transaction: one row.
WITH newest AS MATERIALIZED (SELECT at, actor, reason, kind FROM suppressions ORDER BY at DESC LIMIT :most)
SELECT at, actor, reason, kind, count(*) AS records FROM newest GROUP BY 1, 2, 3, 4 ORDER BY 1 DESC LIMIT :limit
""")

CONTACTS = text("""
SELECT found.domain_id, found.id, kind, value, category, email_check_result AS checked, gone_at, (
        SELECT url FROM contact_sources WHERE contact_id = found.id ORDER BY last_seen DESC, contact_sources.id LIMIT 1
    ) AS source
FROM unnest(CAST(:ids AS bigint[])) AS wanted (domain_id) CROSS JOIN LATERAL (
    SELECT * FROM contacts WHERE contacts.domain_id = wanted.domain_id ORDER BY kind, value LIMIT :limit
) AS found
""")

# The order is that of an index: with another, or none, the planner reads the table where one domain has much of it.
OF_DOMAIN = """
SELECT id, {key} AS record, {status} AS status FROM {table} WHERE domain_id = :domain_id ORDER BY {key} LIMIT :limit
"""
CONTACTS_OF = OF_DOMAIN.replace("ORDER BY", "ORDER BY kind,")
OF_PLACES = """
SELECT id, coalesce(NAME, place_id) AS record, {status} AS status FROM {table} WHERE place_id = ANY(:places) LIMIT :limit
"""
ITSELF = "SELECT id, {key} AS record, {status} AS status FROM {table} WHERE id = :id"
PLACES_OF = text("SELECT place_id FROM local_businesses WHERE domain_id = :domain_id ORDER BY place_id LIMIT :limit")
DOMAIN_OF_PLACE = text("SELECT domain_id FROM local_businesses WHERE place_id = :place_id")

CONTACT_PAGES_OF = OF_DOMAIN.replace("ORDER BY", f"AND {CONTACT_PAGES} ORDER BY")
LINEAGE = (
    (DEEP_SCAN, OF_PLACES.replace("NAME", "name")),
    (DOMAIN_EXTRACTION, OF_PLACES.replace("NAME", "business_name")),
    *((METADATA, ITSELF), (DISCOVERY, OF_DOMAIN)),
    *((IMPORT, OF_DOMAIN), (PAGE_READING, CONTACT_PAGES_OF), (EMAIL_CHECK, CONTACTS_OF)),
)

LINES = 20
"""Records of one kind in a lineage."""


def read_lineage(connection: Connection, row: Mapping[str, Any], table: str) -> list[tuple[Workflow, Rows]]:
    """Return what belongs together with the record ``row`` of ``table``: from the place to the contacts."""
    domain_id, places = row["id"] if table == "domains" else row.get("domain_id"), [row.get("place_id")]
    if table == "places":
        domain_id = connection.execute(DOMAIN_OF_PLACE, {"place_id": row["place_id"]}).scalar_one_or_none()
    elif table != "local_businesses":
        places = list(connection.execute(PLACES_OF, {"domain_id": domain_id, "limit": LINES}).scalars())
    values = {"id": domain_id, "domain_id": domain_id, "places": places, "limit": LINES}
    found: list[tuple[Workflow, Rows]] = []
    for workflow, sql in LINEAGE:
        rows = connection.execute(workflow.statement(sql), values).mappings().all()
        if workflow.table == table and row["id"] not in {one["id"] for one in rows}:  # it is behind the first ones
            rows = [*connection.execute(workflow.statement(ITSELF), {"id": row["id"]}).mappings(), *rows]
        found.append((workflow, rows))
    return found
