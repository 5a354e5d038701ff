"""Manual payloads: each answers truthfully, and a bad one names its field and changes nothing."""

from typing import Any

import pytest
from sqlalchemy import text

from scrapersky.runtime.outcomes import Fail
from tests.integration.conftest import Harness

pytestmark = pytest.mark.usefixtures("invariants_hold")


def test_run_claims_and_sends_at_most_the_limit(harness: Harness) -> None:
    harness.add("a.test", "b.test", "c.test")
    answer = harness.say(action="run", limit=2)
    assert answer["workflows"]["metadata"]["claimed"] == 2
    assert len(harness.receive()) == 2


def test_run_may_be_sent_three_times_and_claims_each_record_once(harness: Harness) -> None:
    (first, _) = harness.add("a.test", "b.test")
    answers = [harness.say(action="run", workflow="metadata", ids=[first]) for _ in range(3)]
    assert [answer["workflows"]["metadata"]["claimed"] for answer in answers] == [1, 0, 0]


def test_a_dry_run_changes_nothing(harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    assert harness.say(action="run", dry_run=True)["workflows"]["metadata"] == {"queued": 1, "dry_run": True}
    assert harness.row(record_id)["status"] == "Queued"


def test_status_counts_what_is_there(harness: Harness) -> None:
    harness.add("a.test", "b.test")
    harness.add("c.test", status="New")
    harness.tick()
    answer = harness.say(action="status")["workflows"]["metadata"]
    assert answer["counts"] == {"Processing": 2, "New": 1}
    assert answer["live_attempts"] == 2
    assert answer["last_tick_at"] is not None
    assert answer["invariant_breaches"] == []


def test_explain_tells_the_whole_timeline(harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    harness.behaviour["a.test"] = lambda _: Fail("parked", "the domain is for sale")
    harness.drain()
    timeline = harness.say(action="explain", workflow="metadata", id=record_id)
    assert timeline["now"]["error_code"] == "parked"
    assert [event["to_status"] for event in timeline["events"]] == ["Queued", "Processing", "Error"]
    assert timeline["events"][-1]["actor"] == "domain-scheduler"
    assert timeline["attempts"][0]["detail"]["reason"] == "the domain is for sale"


def test_requeue_by_error_code_takes_only_those_and_is_audited(harness: Harness) -> None:
    parked, other = harness.add("a.test", "b.test")
    harness.behaviour["a.test"] = lambda _: Fail("parked", "for sale")
    harness.behaviour["b.test"] = lambda _: Fail("not_html", "a picture")
    harness.drain()
    answer = harness.say(action="requeue", workflow="metadata", error_code="parked", reason="sold", actor="ada")
    assert answer["ids"] == [parked]
    assert harness.row(other)["status"] == "Error"
    event = harness.connection.execute(text("SELECT actor, reason FROM status_events ORDER BY event_id DESC")).first()
    assert event is not None
    assert tuple(event) == ("ada", "sold")


def test_requeue_of_a_processing_record_changes_nothing(harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    harness.tick()
    assert harness.say(action="requeue", workflow="metadata", ids=[record_id], reason="again")["queued"] == 0
    assert harness.row(record_id)["status"] == "Processing"


def test_cancel_and_abandon_end_only_what_is_in_the_right_status(harness: Harness) -> None:
    processing, queued = harness.add("a.test", "b.test")
    harness.say(action="run", limit=1)
    cancelled = harness.say(action="cancel", workflow="metadata", ids=[processing, queued], reason="a mistake")
    assert (cancelled["ended"], cancelled["left_alone"]) == ([queued], [processing])
    abandoned = harness.say(action="abandon", workflow="metadata", ids=[processing, queued], reason="it loops")
    assert (abandoned["ended"], abandoned["left_alone"]) == ([processing], [queued])
    assert (harness.row(queued)["status"], harness.row(processing)["error_code"]) == ("New", "abandoned")


def test_pause_stops_claims_until_resumed(harness: Harness) -> None:
    harness.add("a.test")
    harness.say(action="pause", reason="maintenance")
    assert harness.tick()["workflows"]["metadata"]["claimed"] == 0
    harness.say(action="resume", reason="done")
    assert harness.tick()["workflows"]["metadata"]["claimed"] == 1


def test_process_works_on_one_record_and_answers_with_its_end(harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    answer = harness.say(action="process", workflow="metadata", id=record_id)
    assert answer["now"]["status"] == "Completed"
    assert answer["attempt"]["code"] == "read"


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"action": "explode"}, "action"),
        ({}, "action"),
        ({"action": "run", "limit": 0}, "limit"),
        ({"action": "run", "workflow": "nope"}, "workflow"),
        ({"action": "run", "colour": "red"}, "colour"),
        ({"action": "explain", "workflow": "metadata", "id": 77}, "id"),
        ({"action": "requeue", "workflow": "metadata", "reason": "x"}, "requeue"),
        ({"action": "requeue", "workflow": "metadata", "ids": [1]}, "reason"),
        ({"action": "process", "workflow": "metadata", "id": 77}, "id"),
    ],
)
def test_a_bad_payload_is_answered_with_its_field(harness: Harness, payload: dict[str, Any], field: str) -> None:
    (record_id,) = harness.add("a.test")
    assert harness.say(**payload)["error"]["field"] == field
    assert harness.row(record_id)["status"] == "Queued"
