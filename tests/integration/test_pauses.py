"""Pauses: what claims ask, and the history that remains."""

import pytest
from sqlalchemy import Connection, text

from scrapersky.runtime.registry import METADATA, SUBMISSION
from scrapersky.status.control import Control, list_pauses, pause, read_control, record_tick, resume


def history(connection: Connection) -> list[tuple[object, ...]]:
    """Return who paused METADATA and why, who ended that and why, the newest first."""
    keys = ("paused_by", "pause_reason", "resumed_by", "resume_reason")
    return [tuple(row[key] for key in keys) for row in list_pauses(connection, METADATA)]


def test_a_pause_replaces_one_that_ends_earlier_and_both_remain(connection: Connection) -> None:
    pause(connection, SUBMISSION, actor="ada", reason="another", seconds=60)
    pause(connection, METADATA, actor="ada", reason="a bill", seconds=60)
    pause(connection, METADATA, actor="eve", reason="slow", seconds=600)
    pause(connection, METADATA, actor="bob", reason="for good")
    replaced = "replaced by the next pause"
    assert history(connection) == [
        ("bob", "for good", None, None),
        ("eve", "slow", "bob", replaced),
        ("ada", "a bill", "eve", replaced),
    ]
    newest, *older = list_pauses(connection, METADATA)
    assert (newest["paused_until"], newest["resumed_at"]) == (None, None)
    assert all(row["paused_at"] <= row["resumed_at"] < row["paused_until"] for row in older)
    (other,) = list_pauses(connection, SUBMISSION)
    assert other["resumed_at"] is None


@pytest.mark.parametrize(("first", "second"), [(600, 60), (None, 60)])
def test_a_pause_never_shortens_the_one_before(connection: Connection, first: float | None, second: float) -> None:
    pause(connection, METADATA, actor="ada", reason="a bill", seconds=first)
    before = list_pauses(connection, METADATA)
    pause(connection, METADATA, actor="eve", reason="slow", seconds=second)
    assert list_pauses(connection, METADATA) == before


def test_a_pause_that_ran_out_ended_at_that_time(connection: Connection) -> None:
    pause(connection, METADATA, actor="ada", reason="a bill", seconds=60)
    connection.execute(text("UPDATE pauses SET paused_until = paused_at - interval '1 s'"))
    assert read_control(connection, METADATA).paused is False
    pause(connection, METADATA, actor="eve", reason="slow")
    newest, oldest = list_pauses(connection, METADATA)
    assert (newest["resumed_at"], oldest["resumed_at"]) == (None, oldest["paused_until"])


def test_the_control_state_is_that_of_the_workflow_and_of_its_open_pause(connection: Connection) -> None:
    assert read_control(connection, METADATA) == Control()
    for workflow in (METADATA, SUBMISSION):
        pause(connection, workflow, actor="ada", reason=workflow.name, seconds=60)
    assert resume(connection, METADATA, actor="eve", reason="paid") is True
    assert history(connection) == [("ada", "metadata", "eve", "paid")]
    assert resume(connection, METADATA, actor="bob", reason="again") is False
    assert history(connection) == [("ada", "metadata", "eve", "paid")]
    assert read_control(connection, METADATA) == Control()
    of_other = read_control(connection, SUBMISSION)
    assert (of_other.paused, of_other.paused_by, of_other.pause_reason) == (True, "ada", SUBMISSION.name)
    assert of_other.paused_until is not None


def test_a_tick_is_recorded_for_its_workflow_each_time(connection: Connection) -> None:
    record_tick(connection, METADATA)
    connection.execute(text("UPDATE service_controls SET last_tick_at = now() - interval '1 h'"))
    record_tick(connection, SUBMISSION)
    old, new = (read_control(connection, workflow).last_tick_at for workflow in (METADATA, SUBMISSION))
    assert old is not None
    assert new is not None
    assert old < new
    record_tick(connection, METADATA)
    ticked = read_control(connection, METADATA).last_tick_at
    assert ticked is not None
    assert ticked >= new
