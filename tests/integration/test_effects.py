"""What each verb changes, and that it changes nothing else: in every column of every record and attempt of two workflows.

Each record is in the same state in both workflows, so a verb that forgets its workflow, its record or its attempt changes
a neighbour. The verb and both looks at the tables share a transaction, in which ``now()`` stands still.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from scrapersky.runtime.registry import METADATA, SUBMISSION
from scrapersky.status.abandon import abandon
from scrapersky.status.cancel import cancel
from scrapersky.status.claim import claim
from scrapersky.status.dead_letter import dead_letter
from scrapersky.status.finish import complete, complete_all, fail, retry, snooze
from scrapersky.status.pull import pull
from scrapersky.status.recover import recover
from scrapersky.status.release import release
from scrapersky.status.requeue import hand_off, requeue
from scrapersky.status.retry_policy import Backoff
from scrapersky.status.start import start
from scrapersky.vocabulary import AttemptId, RecordId

pytestmark = pytest.mark.usefixtures("invariants_hold")

WAITING = ("waiting", "waiting too", "overdue", "overdue too")
WORKING = ("working", "working too", "lost", "lost too")
EXPIRED = ("overdue", "overdue too", "lost", "lost too")
AT_REST = ("new", "new too", "due", "later", "completed", "failed", "failed too")
BY: Mapping[str, Any] = {"actor": "ada", "reason": "asked"}
BACKOFF = Backoff(base=30, cap=600, max_failures=3)

RECORDS = """
SELECT domain || ' in {name}' AS key, {status} AS status, {failures} AS failures, {error_code} AS error_code, {error} AS error,
    round(extract(epoch FROM {due_at} - now())) AS due FROM domains
"""
ATTEMPTS = """
SELECT concat_ws(' ', 'attempt', row_number() OVER (PARTITION BY workflow, record_id ORDER BY attempt_id), 'of', domain,
        'in', workflow) AS key,
    trigger, outcome, code, detail, worker, request_id, extract(epoch FROM started_at - now())::float AS started,
    extract(epoch FROM finished_at - now())::float AS finished, extract(epoch FROM lease_until - now())::float AS lease
FROM attempts JOIN domains ON domains.id = record_id
"""
Rows = dict[str, dict[str, Any]]


class World:
    """The records by name, and the live attempts by name in each workflow."""

    def __init__(self, connection: Connection) -> None:
        names = {"name": [*WAITING, *WORKING, *AT_REST]}
        rows = connection.execute(
            text("INSERT INTO domains (domain) SELECT unnest(CAST(:name AS text[])) RETURNING domain, id"), names
        )
        self.ids: dict[str, RecordId] = {row.domain: row.id for row in rows}
        self.metadata = self._prepare(connection, "status", METADATA)
        self.submission = self._prepare(connection, "sitemap_analysis_status", SUBMISSION)

    def _prepare(self, connection: Connection, field: str, workflow: Any) -> dict[str, AttemptId]:
        connection.execute(text(f"UPDATE domains SET {field} = 'Queued' WHERE domain NOT LIKE 'new%'"))
        attempts: dict[str, AttemptId] = {}
        claims: list[tuple[Sequence[str], float]] = [
            (WAITING[:2], 60.0),
            (WAITING[2:], -60.0),
            ((*WORKING, *AT_REST[4:]), 60.0),
        ]
        for names, lease in claims:
            claimed = claim(
                connection,
                workflow,
                batch=9,
                max_in_flight=99,
                dispatch_lease=lease,
                ids=[self.ids[one] for one in names],
            )
            attempts |= {name: one.attempt_id for name, one in zip(names, claimed, strict=True)}
        for working, lease in (((*WORKING[:2], *AT_REST[4:]), 60.0), (WORKING[2:], -60.0)):
            start(connection, [attempts[one] for one in working], lease=lease, worker="old", request_id="old")
        prefix = field.removesuffix("status")
        connection.execute(text(f"UPDATE domains SET {prefix}failures = 1 WHERE {field} = 'Processing'"))
        complete(connection, workflow, attempts.pop("completed"), code="read", detail={})
        for name in ("failed", "failed too"):
            fail(connection, workflow, attempts.pop(name), code="broken", reason="broken", detail={})
        connection.execute(
            text(f"UPDATE domains SET {prefix}due_at = now() + make_interval(secs => 600) WHERE domain = 'later'")
        )
        return attempts


def look(connection: Connection) -> Rows:
    """Return all columns that verbs write, by record and by attempt."""
    statements = [workflow.sql(RECORDS) for workflow in (METADATA, SUBMISSION)] + [ATTEMPTS]
    rows = [row._asdict() for statement in statements for row in connection.execute(text(statement))]
    return {row.pop("key"): row for row in rows}


def changes(before: Rows, after: Rows) -> Rows:
    """Return the new values of the columns that differ."""
    assert before.keys() <= after.keys()
    found = {}
    for key, row in after.items():
        old = before.get(key, {})
        if changed := {column: value for column, value in row.items() if value != old.get(column)}:
            found[key] = changed
    return found


def records(names: str | tuple[str, ...], **columns: Any) -> Rows:
    """Return the expected changes of records in metadata."""
    return {f"{name} in metadata": columns for name in ([names] if isinstance(names, str) else names)}


def attempts(names: str | tuple[str, ...], **columns: Any) -> Rows:
    """Return the expected changes of the first attempts of these records in metadata."""
    each = [names] if isinstance(names, str) else names
    return {f"attempt 1 of {name} in metadata": columns for name in each}


def ended(names: str | tuple[str, ...], outcome: str, code: str, detail: object = None) -> Rows:
    """Return the expected end of attempts."""
    return attempts(names, outcome=outcome, code=code, finished=0.0, **({} if detail is None else {"detail": detail}))


def try_again(connection: Connection, attempt_id: AttemptId, max_failures: int) -> object:
    """Retry after 700 seconds, which is longer than the backoff."""
    backoff = Backoff(BACKOFF.base, BACKOFF.cap, max_failures)
    return retry(
        connection, METADATA, attempt_id, code="slow", reason="too slow", after=700, backoff=backoff, detail={"a": 1}
    )


def recover_all(connection: Connection, failures: int, undelivered: int) -> object:
    """Recover with a backoff of 0 seconds."""
    backoff = Backoff(base=0, cap=0, max_failures=failures)
    return recover(connection, METADATA, limit=10, backoff=backoff, undelivered_max=undelivered)


LOST = "its worker was lost 2 times: timeout, crash or out of memory"
NEVER = "its messages waited until the dispatch lease ended and were never started"
REASON = {"reason": "too slow", "a": 1}
PULLING: Mapping[str, Any] = {
    "max_in_flight": 99, "per_host": 9, "lease": 90, "worker": "w", "request_id": "r", "enough_time": True
}  # fmt: skip
TAKEN = {"started": 0.0, "lease": 90.0, "worker": "w", "request_id": "r"}
CLAIMED = {"outcome": None, "code": None, "detail": None, "finished": None}

VERBS: dict[str, tuple[Callable[[Connection, World], object], Rows]] = {
    "start": (
        lambda c, w: start(c, [w.metadata[one] for one in (*WAITING[:2], "working")], lease=90, worker="w", request_id="r"),
        attempts(WAITING[:2], **TAKEN),
    ),
    "complete": (
        lambda c, w: complete(c, METADATA, w.metadata["working"], code="read", detail={"a": 1}),
        records("working", status="Completed", failures=0) | ended("working", "done", "read", {"a": 1}),
    ),
    "complete several": (
        lambda c, w: complete_all(
            c, METADATA, {w.metadata["working"]: ("read", {"a": 1}), w.metadata["lost"]: ("seen", {"b": 2})}
            | {w.submission["working too"]: ("other", {})},
        ),
        records(("working", "lost"), status="Completed", failures=0)
        | ended("working", "done", "read", {"a": 1}) | ended("lost", "done", "seen", {"b": 2}),
    ),
    "fail": (
        lambda c, w: fail(c, METADATA, w.metadata["working"], code="gone", reason="no page", detail={"a": 1}),
        records("working", status="Error", failures=2, error_code="gone", error="no page")
        | ended("working", "failed", "gone", {"a": 1, "reason": "no page"}),
    ),
    "snooze": (
        lambda c, w: snooze(c, METADATA, w.metadata["working"], code="busy", reason="wait", after=70, detail={"a": 1}),
        records("working", status="Queued", due=70) | ended("working", "snoozed", "busy", {"a": 1, "reason": "wait"}),
    ),
    "retry": (
        lambda c, w: try_again(c, w.metadata["working"], 3),
        records("working", status="Queued", failures=2, due=700) | ended("working", "retry", "slow", REASON),
    ),
    "last retry": (
        lambda c, w: try_again(c, w.metadata["working"], 2),
        records("working", status="Error", failures=2, error_code="slow", error="too slow")
        | ended("working", "retry", "slow", REASON),
    ),
    "release": (
        lambda c, w: release(
            c, METADATA, [w.metadata["waiting"], w.metadata["working"], w.submission["waiting"]], code="unsent"
        ),
        records("waiting", status="Queued", due=0) | ended("waiting", "released", "unsent"),
    ),
    "abandon": (
        lambda c, w: abandon(c, METADATA, [w.ids["working"], w.ids["due"]], **BY),
        records("working", status="Error", failures=2, error_code="abandoned", error="asked")
        | ended("working", "abandoned", "abandoned", {"reason": "asked"}),
    ),
    "dead letter, never started": (
        lambda c, w: dead_letter(c, METADATA, w.metadata["waiting"], reason="lost", code="letter"),
        records("waiting", status="Error", failures=2, error_code="letter", error="lost")
        | ended("waiting", "dead_letter", "letter", {"reason": "lost"}),
    ),
    "dead letter, worker lost": (
        lambda c, w: dead_letter(c, METADATA, w.metadata["lost"], reason="lost"),
        records("lost", status="Error", failures=2, error_code="dead_letter", error="lost")
        | ended("lost", "dead_letter", "dead_letter", {"reason": "lost"}),
    ),
    "dead letter, worker at work": (lambda c, w: dead_letter(c, METADATA, w.metadata["working"], reason="lost"), {}),
    "dead letter of another workflow": (lambda c, w: dead_letter(c, METADATA, w.submission["waiting"], reason="lost"), {}),
    "recover": (
        lambda c, _: recover_all(c, 3, 5),
        records(EXPIRED[:2], status="Queued", due=0) | records(EXPIRED[2:], status="Queued", failures=2, due=0)
        | ended(EXPIRED[:2], "undelivered", "undelivered") | ended(EXPIRED[2:], "lost", "lost"),
    ),
    "recover for the last time": (
        lambda c, _: recover_all(c, 2, 1),
        records(EXPIRED[:2], status="Error", error_code="undeliverable", error=NEVER)
        | records(EXPIRED[2:], status="Error", failures=2, error_code="lost_repeatedly", error=LOST)
        | ended(EXPIRED[:2], "undelivered", "undelivered") | ended(EXPIRED[2:], "lost", "lost"),
    ),
    "cancel": (
        lambda c, w: cancel(c, METADATA, [w.ids["later"], w.ids["working"], w.ids["failed"]], **BY),
        records("later", status="New", due=None),
    ),
    "requeue by id": (
        lambda c, w: requeue(
            c, METADATA, limit=9, ids=[w.ids[one] for one in ("new", "completed", "failed", "later", "working")], **BY
        ),
        records(("new", "completed"), status="Queued", due=0)
        | records("failed", status="Queued", due=0, failures=0, error_code=None, error=None),
    ),
    "requeue by error code": (
        lambda c, _: requeue(c, METADATA, limit=9, error_code="broken", **BY),
        records(("failed", "failed too"), status="Queued", due=0, failures=0, error_code=None, error=None),
    ),
    "requeue by both": (
        lambda c, w: requeue(c, METADATA, limit=9, error_code="broken", ids=[w.ids["failed"], w.ids["new"]], **BY),
        records("failed", status="Queued", due=0, failures=0, error_code=None, error=None),
    ),
    "hand-off": (
        lambda c, w: hand_off(c, METADATA, [w.ids[one] for one in ("new", "completed", "later", "working")], again=False, **BY),
        records("new", status="Queued", due=0),
    ),
    "hand-off again": (
        lambda c, w: hand_off(
            c, METADATA, [w.ids[one] for one in ("new", "completed", "failed", "later", "working")], again=True,
            condition="domain <> 'new'", **BY,
        ),
        records("completed", status="Queued", due=0)
        | records("failed", status="Queued", due=0, failures=0, error_code=None, error=None),
    ),
    "claim": (
        lambda c, _: claim(c, METADATA, batch=9, max_in_flight=99, dispatch_lease=80, trigger="manual"),
        records("due", status="Processing", due=None)
        | attempts("due", trigger="manual", started=None, lease=80.0, worker=None, request_id=None, **CLAIMED),
    ),
    "claim by id": (
        lambda c, w: claim(c, METADATA, batch=9, max_in_flight=99, dispatch_lease=80, ids=[w.ids["later"], w.ids["working"]]),
        {},
    ),
    "pull": (
        lambda c, _: pull(c, METADATA, batch=9, **PULLING),
        records("due", status="Processing", due=None) | attempts("due", trigger="pull", **TAKEN, **CLAIMED)
        | attempts(WAITING, trigger="pull", **TAKEN),
    ),
    "pull of one": (lambda c, _: pull(c, METADATA, batch=1, **PULLING), attempts("waiting", trigger="pull", **TAKEN)),
}  # fmt: skip


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_changes_its_own_records_and_attempts_and_nothing_else(
    engine: Engine, connection: Connection, name: str
) -> None:
    verb, expected = VERBS[name]
    world = World(connection)
    with engine.begin() as transaction:
        before = look(transaction)
        verb(transaction, world)
        found = changes(before, look(transaction))
    wanted = {
        key: {column: value for column, value in row.items() if _differs(before, key, column, value)}
        for key, row in expected.items()
    }
    assert found == wanted


def _differs(before: Rows, key: str, column: str, value: object) -> bool:
    return before.get(key, {}).get(column) != value
