"""A verb is one statement, independent of its session, and uses the database's clock."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from scrapersky.runtime.registry import METADATA
from scrapersky.status.abandon import abandon
from scrapersky.status.cancel import cancel
from scrapersky.status.claim import claim
from scrapersky.status.finish import Stale, fail
from scrapersky.status.requeue import hand_off, requeue
from scrapersky.status.start import START, start
from tests.integration.verbs import VERBS

SESSION_STATE = re.compile(r"^\s*(set|listen|prepare|declare|lock|discard)\b|advisory|\btemp(orary)?\b", re.IGNORECASE)
"""Statements that pin a connection behind a proxy, or depend on the session that it provides."""
READ_IN_TWO = frozenset({"list queued"})
"""Reads that change nothing. A list by a status without an index needs a second statement to find where its search ended."""


@dataclass(frozen=True)
class Sent:
    """One statement with its parameters."""

    statement: str
    parameters: Sequence[object]


def statements_of(connection: Connection, name: str) -> list[Sent]:
    """Run the verb ``name`` on records and attempts that do not exist; return the statements that it sends."""
    sent: list[Sent] = []

    def note(connection: object, cursor: object, statement: str, parameters: Sequence[object], *_: object) -> None:
        sent.append(Sent(statement, parameters))

    verb, _ = VERBS[name]
    event.listen(connection.engine, "before_cursor_execute", note)
    try:
        with suppress(Stale):
            verb(connection)
    finally:
        event.remove(connection.engine, "before_cursor_execute", note)
    return sent


@pytest.mark.parametrize("name", [name for name in VERBS if name not in READ_IN_TWO])
def test_a_verb_is_one_statement(connection: Connection, name: str) -> None:
    assert len(statements_of(connection, name)) == 1


def test_a_start_runs_no_trigger(connection: Connection) -> None:
    connection.execute(text("INSERT INTO domains (domain, status) VALUES ('a.test', 'Queued')"))
    (one,) = claim(connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=60)
    values = {"attempt_ids": [one.attempt_id], "lease": 60, "worker": "w", "request_id": "r"}
    plan = connection.execute(text(f"EXPLAIN (ANALYZE, TIMING OFF) {START.text.lstrip()}"), values).scalars().all()
    assert "Update on attempts" in plan[0]
    assert not [line for line in plan if "Trigger" in line]


@pytest.mark.parametrize("name", VERBS.keys())
def test_a_verb_neither_depends_on_its_session_nor_changes_it(connection: Connection, name: str) -> None:
    assert [one.statement for one in statements_of(connection, name) if SESSION_STATE.search(one.statement)] == []


def test_actor_and_reason_end_with_the_statement(connection: Connection) -> None:
    connection.execute(text("INSERT INTO domains (domain, status) VALUES ('a.test', 'Queued')"))
    verbs: list[Any] = [cancel, partial(hand_off, again=False), abandon, partial(requeue, limit=1)]
    for verb in verbs:
        if verb is abandon:
            claim(connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=60)
        assert list(verb(connection, METADATA, ids=[1], actor="ada", reason="because")) == [1]
        left = "SELECT current_setting('scrapersky.actor', true), current_setting('scrapersky.reason', true)"
        assert [value or None for value in connection.execute(text(left)).one()] == [None, None]
    statuses = connection.execute(
        text("SELECT to_status FROM status_events WHERE actor = 'ada' ORDER BY event_id")
    ).scalars()
    assert list(statuses) == ["New", "Queued", "Error", "Queued"]


@pytest.mark.parametrize("name", VERBS.keys())
def test_a_verb_uses_the_databases_clock_and_sends_no_time(connection: Connection, name: str) -> None:
    times = [value for one in statements_of(connection, name) for value in one.parameters if isinstance(value, date)]
    assert times == []


def test_records_requeued_with_a_spread_fall_due_evenly_within_it(connection: Connection) -> None:
    connection.execute(
        text(
            "INSERT INTO domains (domain, status) SELECT 'd' || n || '.test', 'Queued' FROM generate_series(1, 200) AS n"
        )
    )
    claimed = claim(connection, METADATA, batch=200, max_in_flight=200, dispatch_lease=60)
    start(connection, [one.attempt_id for one in claimed], lease=60, worker="w", request_id="r")
    for one in claimed:
        fail(connection, METADATA, one.attempt_id, code="http_503", reason="busy", detail={})
    requeue(connection, METADATA, error_code="http_503", spread=3_600, limit=200, actor="ada", reason="it is up again")
    due = connection.execute(
        text(
            "SELECT count(*) FILTER (WHERE due_at <= now() + interval '1 min'), max(due_at) - min(due_at) >"
            " interval '45 min', bool_and(due_at <= now() + interval '1 h') FROM domains WHERE status = 'Queued'"
        )
    ).one()
    assert due[0] < 30, "of 200 records within an hour, about 3 are due in the first minute"
    assert due[1:] == (True, True)
