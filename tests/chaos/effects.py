"""Effects: each result inserts a row that names its invocation, so that double and stale results can be counted.

``attempts.request_id`` is the invocation that started an attempt. So an invocation must have as many effects on a record
as it has successful attempts at it (more than one if it pulled the record again), which does not rely on the code under
test.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, text

from scrapersky.errors import FetchFailed
from scrapersky.models import Domain
from scrapersky.runtime.outcomes import Done, Fail, Made, Outcome, Retry, Snooze, Write

SCHEMA = (
    """
CREATE TABLE effects (
    effect_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    record_id bigint NOT NULL,
    request_id text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
)""",
    "CREATE TABLE ended_twice (attempt_id bigint NOT NULL, before text NOT NULL, after text)",
    """
CREATE FUNCTION record_second_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ended_twice VALUES (NEW.attempt_id, OLD.outcome, NEW.outcome);
    RETURN NULL;
END $$""",
    """
CREATE TRIGGER record_second_end AFTER UPDATE ON attempts
    FOR EACH ROW WHEN (OLD.finished_at IS NOT NULL) EXECUTE FUNCTION record_second_end()""",
)

WRITE = text("INSERT INTO effects (record_id, request_id) VALUES (:record_id, :request_id)")

WRITTEN = "written"
NOTHING_TO_WRITE = "nothing_to_write"


def install(connection: Connection) -> None:
    """Create the table of effects and the trigger that records an attempt that ended twice."""
    for statement in SCHEMA:
        connection.exec_driver_sql(statement)


def effect(record_id: int, request_id: str) -> Write:
    """Return a write that inserts the effect of this invocation on this record."""

    def write(connection: Connection) -> Made:
        connection.execute(WRITE, {"record_id": record_id, "request_id": request_id})
        return {}

    return write


def make_job(seed: int, request_id: Callable[[], str], reach: Callable[[str], None]) -> Any:
    """Return a job whose outcome depends on seed, record and invocation: mostly a result, sometimes another outcome."""

    async def job(record: Domain, _: Any) -> Outcome:
        request = request_id()
        await asyncio.sleep(0)
        reach("mid-job")
        draw = random.Random(f"{seed}:{record.id}:{request}").random()
        if draw < 0.82:
            return Done(WRITTEN, write=effect(record.id, request))
        if draw < 0.88:
            return Done(NOTHING_TO_WRITE)
        if draw < 0.92:
            return Retry("timeout", "the site was slow", after=1)
        if draw < 0.95:
            return Snooze("later", "the site asks to wait", after=30)
        if draw < 0.97:
            raise ZeroDivisionError("a defect in the job")
        if draw < 0.98:
            raise FetchFailed("http_503", "overloaded", retry_after=60)
        return Fail("parked", "the domain is for sale")

    return job
