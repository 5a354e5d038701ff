"""Effects: each result leaves one row, naming the invocation that made it, so that twice and too late can be seen.

``attempts.request_id`` names the invocation that started an attempt, and one invocation starts a record at most once: so
(record, invocation) tells exactly whose result a row is, without asking the code under test.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, text

from scrapersky.errors import FetchFailed
from scrapersky.models import Domain
from scrapersky.runtime.outcomes import Done, Fail, Outcome, Retry, Snooze, Write

SCHEMA = """
CREATE TABLE effects (
    effect_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    record_id bigint NOT NULL,
    request_id text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE ended_twice (attempt_id bigint NOT NULL, was text NOT NULL, became text);
CREATE FUNCTION note_ended_twice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ended_twice VALUES (NEW.attempt_id, OLD.outcome, NEW.outcome);
    RETURN NULL;
END $$;
CREATE TRIGGER note_ended_twice AFTER UPDATE ON attempts
    FOR EACH ROW WHEN (OLD.finished_at IS NOT NULL) EXECUTE FUNCTION note_ended_twice()
"""

WRITE = text("INSERT INTO effects (record_id, request_id) VALUES (:record_id, :request_id)")

WRITTEN = "written"
NOTHING_TO_WRITE = "nothing_to_write"


def install(connection: Connection) -> None:
    """Makes the tables of effects, and the trigger that notices an attempt ended twice."""
    for statement in SCHEMA.split(";\nCREATE"):
        connection.exec_driver_sql(statement if statement.lstrip().startswith("CREATE") else "CREATE" + statement)


def effect(record_id: int, request_id: str) -> Write:
    """A write that leaves the effect of this invocation on this record."""

    def write(connection: Connection) -> list[int]:
        connection.execute(WRITE, {"record_id": record_id, "request_id": request_id})
        return []

    return write


def make_job(seed: int, request_id: Callable[[], str], reach: Callable[[str], None]) -> Any:
    """A job whose outcome is drawn from ``seed``, the record and the invocation: mostly a result, sometimes every trouble."""

    async def job(record: Domain, _: Any) -> Outcome:
        request = request_id()
        await asyncio.sleep(0)
        reach("mid-job")
        fate = random.Random(f"{seed}:{record.id}:{request}").random()
        if fate < 0.82:
            return Done(WRITTEN, write=effect(record.id, request))
        if fate < 0.88:
            return Done(NOTHING_TO_WRITE)
        if fate < 0.92:
            return Retry("timeout", "the site was slow", after=1)
        if fate < 0.95:
            return Snooze("later", "the site asks to wait", after=30)
        if fate < 0.97:
            raise ZeroDivisionError("nobody thought of this")
        if fate < 0.98:
            raise FetchFailed("http_503", "overloaded", retry_after=60)
        return Fail("parked", "the domain is for sale")

    return job
