"""Ours, by the status machine's verbs: an invocation pulls a batch and completes it together, as it does under load.

Claims in a long queue are measured as a tick makes them, by fifties.
"""

import time
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, text

from scrapersky.database import Database
from scrapersky.runtime.registry import METADATA
from scrapersky.secret_store import read_secret
from scrapersky.settings import Settings, load
from scrapersky.status.claim import Claimed, claim
from scrapersky.status.finish import complete_all
from scrapersky.status.pull import Pulled, pull
from scrapersky.status.start import start
from scrapersky.vocabulary import AttemptId, RecordId

CLAIMED = 50
LEASE = 7_200.0

FILL = """
INSERT INTO domains (domain, status)
SELECT 'd' || n || '.example', 'Queued' FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n
"""

FILL_WITHOUT_AUDIT = """
INSERT INTO domains (domain, status, due_at)
SELECT 'd' || n || '.example', 'Queued', now() - interval '1 hour' + n * interval '1 microsecond'
FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n
"""

DONE = """
SELECT record_id, extract(epoch FROM finished_at - dispatched_at) * 1000 FROM attempts
JOIN domains ON domains.id = record_id WHERE outcome = 'done' AND status = 'Completed'
"""


def open_database(url: str) -> Database:
    """Return the functions' own database, at ``url``."""
    values = {"DATABASE_URL": url, "DATABASE_STATEMENT_TIMEOUT_SECONDS": "3600"}  # for filling a long queue
    return Database(load(Settings, values), "bench", read_secret)


def prepare(url: str, first: int, last: int, bulk: bool = False) -> None:
    """Queue records ``first`` … ``last``; in ``bulk`` without their history."""
    with open_database(url).autocommit() as connection:
        connection.execute(text("SET statement_timeout = 0"))
        if bulk:
            connection.execute(text("ALTER TABLE domains DISABLE TRIGGER USER"))
        connection.execute(text(FILL_WITHOUT_AUDIT if bulk else FILL), {"first": first, "last": last})
        if bulk:
            connection.execute(text("ALTER TABLE domains ENABLE TRIGGER USER"))


def work(url: str, batch: int, go: Callable[[], None]) -> list[int]:
    """Drain the queue, ``batch`` records in each pull; return the records worked on."""
    worked: list[int] = []
    with open_database(url).autocommit() as connection:
        go()
        while pulled := _pull(connection, batch):
            worked += _complete(connection, [one.attempt.attempt_id for one in pulled])
    return worked


def claims(url: str, times: int) -> list[tuple[int, float]]:
    """Return (records, milliseconds) of each of ``times`` claims; the completion of the records is not timed."""
    taken: list[tuple[int, float]] = []
    with open_database(url).autocommit() as connection:
        _finish(connection, _claim(connection))  # the first one reads the catalog
        for _ in range(times):
            began = time.perf_counter()
            claimed = _claim(connection)
            taken.append((len(claimed), (time.perf_counter() - began) * 1000))
            _finish(connection, claimed)
    return taken


def done(url: str) -> list[tuple[int, float]]:
    """Return (record, milliseconds from its claim) of the records that are done."""
    with open_database(url).autocommit() as connection:
        return [(int(number), float(duration)) for number, duration in connection.execute(text(DONE))]


def _pull(connection: Connection, batch: int) -> list[Pulled]:
    return pull(
        connection, METADATA,
        batch=batch, max_in_flight=1_000_000, per_host=1_000_000, lease=LEASE,
        worker="bench", request_id="bench", enough_time=True,
    )  # fmt: skip


def _claim(connection: Connection) -> list[Claimed]:
    return claim(connection, METADATA, batch=CLAIMED, max_in_flight=1_000_000, dispatch_lease=LEASE)


def _finish(connection: Connection, claimed: Sequence[Claimed]) -> None:
    attempt_ids = [one.attempt_id for one in claimed]
    started = start(connection, attempt_ids, lease=LEASE, worker="bench", request_id="bench")
    _complete(connection, [one.attempt_id for one in started])


def _complete(connection: Connection, attempt_ids: Sequence[AttemptId]) -> list[RecordId]:
    ended = complete_all(connection, METADATA, {attempt_id: ("done", {}) for attempt_id in attempt_ids})
    return [one.record_id for one in ended.values()]
