"""Records: find them by natural key, list them by status, and group those in Error by code. Read-only and bounded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import RecordId, Status

MAX_SEARCHED = 100_000
"""Records that one list looks at where no index names the status. A longer table is listed in several calls."""

MAX_DATED = 1_000
"""Records of one error code, those with the highest ids, whose times and keys are read."""

MAX_COUNTED = 100_000
"""Records of one error code that are counted."""

MAX_ID = 2**63 - 1
EXAMPLES = 3

FIND = {
    # by the key of Workflow.key; every table has a unique index that starts with these columns
    "domain_id": "SELECT id FROM {table} WHERE domain_id = (SELECT id FROM domains WHERE domain = :key)",
    "url": "SELECT id FROM {table} WHERE url = :key AND domain_id IN (SELECT id FROM domains WHERE domain = ANY(:domains))",
}
FIND_IN_COLUMN = "SELECT id FROM {table} WHERE {key} = :key"

STATES = """
SELECT id, {status} AS status, extract(epoch FROM {due_at} - now())::float8 AS due_in
FROM {table} WHERE id = ANY(CAST(:ids AS bigint[]))
"""

SINCE = """(
    SELECT at FROM status_events WHERE workflow = {workflow} AND record_id = {table}.id ORDER BY event_id DESC LIMIT 1
)"""
"""When the record came into its present status; null where that part of the history was deleted."""

CODES = """codes AS (
    -- The distinct error codes, each found by one step down the index of (error_code, id).
    (SELECT {error_code} AS code FROM {table} WHERE {error_code} IS NOT NULL ORDER BY {error_code} LIMIT 1)
    UNION ALL
    SELECT (SELECT {error_code} FROM {table} WHERE {error_code} > codes.code ORDER BY {error_code} LIMIT 1)
    FROM codes WHERE codes.code IS NOT NULL
)"""

COUNTED = f"""{CODES},
-- The most frequent codes, counted in the index.
counted AS MATERIALIZED (
    SELECT code, records FROM codes CROSS JOIN LATERAL (
        SELECT count(*) AS records FROM (
            SELECT FROM {{table}} WHERE {{error_code}} = code LIMIT :counted
        ) AS capped
    ) AS of_code
    WHERE code IS NOT NULL ORDER BY records DESC, code LIMIT :limit
)"""

CANDIDATES = {
    # How to find the ids of at most :limit records, by the narrow index that an attempt or an error code has.
    Status.PROCESSING: """-- The records of live attempts.
candidates AS (
    SELECT record_id AS id FROM attempts WHERE workflow = {workflow} AND finished_at IS NULL AND record_id < :before
)""",
    Status.ERROR: f"""{CODES},
-- The newest records of each code, or of the given one.
candidates AS (
    SELECT of_code.id FROM codes CROSS JOIN LATERAL (
        SELECT id FROM {{table}} WHERE {{error_code}} = code AND id < :before ORDER BY id DESC LIMIT :limit
    ) AS of_code
    WHERE CAST(:error_code AS text) IS NULL OR code = :error_code
)""",
}

SEARCH = """-- Those with the status among the newest records.
candidates AS (
    SELECT id FROM (
        SELECT id, {status} AS status FROM {table} WHERE id < :before ORDER BY id DESC LIMIT :searched
    ) AS newest
    WHERE CAST(:status AS work_status) IS NULL OR status = CAST(:status AS work_status)
)"""
"""The ids of records in any other status, which no index has, among the newest records."""

LIST = f"""
WITH RECURSIVE {{candidates}},
-- The newest candidates.
found AS MATERIALIZED (SELECT id FROM candidates ORDER BY id DESC LIMIT :limit)
SELECT id, {{key}} AS record, {{status}} AS status, {SINCE} AS since, {{due_at}} AS due_at, {{failures}} AS failures,
    {{error_code}} AS error_code, {{error}} AS error
FROM {{table}} WHERE id = ANY(ARRAY(SELECT id FROM found)) ORDER BY id DESC
"""

SEARCHED_TO = "SELECT id FROM {table} WHERE id < :before ORDER BY id DESC OFFSET :searched - 1 LIMIT 1"

COUNT_BY_CODE = f"WITH RECURSIVE {COUNTED} SELECT code, records FROM counted ORDER BY records DESC, code"

ERRORS = f"""
WITH RECURSIVE {COUNTED},
-- The newest records of each code, with the time at which they failed.
dated AS MATERIALIZED (
    SELECT code, newest.* FROM counted CROSS JOIN LATERAL (
        SELECT id, {{key}} AS record, {SINCE} AS since FROM {{table}}
        WHERE {{error_code}} = code ORDER BY id DESC LIMIT :dated
    ) AS newest
)
SELECT code AS error_code, records, min(since) AS first_seen, max(since) AS last_seen,
    (array_agg(jsonb_build_object('id', id, 'record', record) ORDER BY since DESC NULLS LAST, id DESC))[1:{EXAMPLES}]
        AS examples
FROM counted JOIN dated USING (code) GROUP BY code, records ORDER BY records DESC, code
"""


@dataclass(frozen=True, slots=True)
class State:
    """A record's status, and in how many seconds it is due; negative when it is overdue, None unless it is Queued."""

    status: Status
    due_in: float | None


def find_by_key(connection: Connection, workflow: Workflow, key: str, domains: Sequence[str] = ()) -> list[RecordId]:
    """Return the ids of the records with this natural key, normalised; several only where domains share a url.

    A url is unique within its domain, so it is looked up among those of ``domains``.
    """
    statement = workflow.statement(FIND.get(workflow.key, FIND_IN_COLUMN))
    return [row[0] for row in connection.execute(statement, {"key": key, "domains": list(domains)})]


def read_states(connection: Connection, workflow: Workflow, ids: Sequence[RecordId]) -> dict[RecordId, State]:
    """Return the state of each of ``ids`` that exists."""
    rows = connection.execute(workflow.statement(STATES), {"ids": sorted(ids)})
    return {record_id: State(Status(status), due_in) for record_id, status, due_in in rows}


def list_records(
    connection: Connection,
    workflow: Workflow,
    *,
    limit: int,
    status: Status | None = None,
    error_code: str | None = None,
    before: int | None = None,
    searched: int = MAX_SEARCHED,
) -> dict[str, Any]:
    """Return at most ``limit`` records, highest id first, JSON-ready, with the status or error code if one is given.

    ``before`` continues a list: it is the ``next_before`` of the last answer, which is None at the end.
    """
    status = Status.ERROR if error_code is not None else status
    indexed = CANDIDATES.get(status) if status else None
    statement = workflow.statement(LIST.replace("{candidates}", indexed or SEARCH))
    page: dict[str, Any] = {"before": before or MAX_ID, "limit": limit, "searched": searched}
    values = {**page, "status": status and status.value, "error_code": error_code}
    rows = [json_ready(row) for row in connection.execute(statement, values).mappings()]
    next_before = rows[-1]["id"] if len(rows) == limit else None
    if next_before is None and not indexed:
        next_before = connection.execute(workflow.statement(SEARCHED_TO), page).scalar_one_or_none()
    return {"records": rows, "next_before": next_before}


def count_by_code(
    connection: Connection, workflow: Workflow, *, limit: int = 100, counted: int = MAX_COUNTED
) -> dict[str, int]:
    """Return the number of records in Error by code, at most ``counted`` of each, the most frequent first."""
    values = {"limit": limit, "counted": counted}
    return {row[0]: row[1] for row in connection.execute(workflow.statement(COUNT_BY_CODE), values)}


def group_errors(connection: Connection, workflow: Workflow, *, limit: int) -> list[dict[str, Any]]:
    """Return the ``limit`` most frequent codes of records in Error, JSON-ready: number, first and last time, examples.

    Times and examples are those of the :data:`MAX_DATED` newest records of a code. Of each code at most
    :data:`MAX_COUNTED` records are counted.
    """
    values = {"limit": limit, "dated": MAX_DATED, "counted": MAX_COUNTED}
    rows = connection.execute(workflow.statement(ERRORS), values)
    return [json_ready(row) for row in rows.mappings()]


def json_ready(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return ``row`` with its timestamps in ISO 8601."""
    return {key: value.isoformat() if hasattr(value, "isoformat") else value for key, value in row.items()}
