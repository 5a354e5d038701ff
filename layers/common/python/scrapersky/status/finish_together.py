"""Finish together: several attempts of one workflow, Processing → Completed, behind one fence and in one statement.

As :mod:`~scrapersky.status.finish`, each attempt is ended only if it is live, and its record moved only then. Attempts
are locked before records, each in ascending order, as everywhere. What was locked comes back as an ARRAY and not as one more
table to join: the planner has less to weigh, which is most of what ten ends cost.
"""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from scrapersky.models.vocabulary import AttemptOutcome, Status
from scrapersky.status.finish import Finished
from scrapersky.status.workflow import Workflow

COMPLETE_ALL = """
WITH live AS MATERIALIZED (
    SELECT attempt_id FROM attempts
    WHERE attempt_id = ANY(CAST(:attempt_ids AS bigint[])) AND outcome IS NULL
    ORDER BY attempt_id FOR UPDATE
),
finished AS (
    UPDATE attempts
    SET finished_at = now(), outcome = :outcome, code = told.code, detail = CAST(told.detail AS jsonb)
    FROM unnest(CAST(:attempt_ids AS bigint[]), CAST(:codes AS text[]), CAST(:details AS text[]))
        AS told (attempt_id, code, detail)
    WHERE attempts.attempt_id = ANY(ARRAY(SELECT attempt_id FROM live)) AND attempts.attempt_id = told.attempt_id
      AND workflow = {workflow} AND outcome IS NULL
    RETURNING attempts.attempt_id, record_id
),
held AS MATERIALIZED (
    SELECT id FROM {table} WHERE id = ANY(ARRAY(SELECT record_id FROM finished)) ORDER BY id FOR UPDATE
)
UPDATE {table} SET {status} = 'Completed', {failures} = 0
FROM finished
WHERE {table}.id = ANY(ARRAY(SELECT id FROM held)) AND {table}.id = finished.record_id AND {status} = 'Processing'
RETURNING finished.attempt_id, {table}.id
"""


def complete_all(
    connection: Connection, workflow: Workflow, results: Mapping[int, tuple[str, Mapping[str, Any]]]
) -> dict[int, Finished]:
    """Processing → Completed for each live attempt of ``results`` (attempt id → code and detail), in one statement.

    An attempt missing from the answer is stale: nothing of it was changed.
    """
    ids = sorted(results)
    rows = connection.execute(
        workflow.statement(COMPLETE_ALL),
        {
            "attempt_ids": ids,
            "outcome": AttemptOutcome.DONE.value,
            "codes": [results[attempt_id][0] for attempt_id in ids],
            "details": [json.dumps(results[attempt_id][1]) for attempt_id in ids],
        },
    )
    return {attempt_id: Finished(record_id, Status.COMPLETED, 0, None) for attempt_id, record_id in rows}
