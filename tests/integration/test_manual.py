"""Manual payloads: each answers with what it did, and an invalid one names its field and changes nothing."""

from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.outcomes import Fail
from scrapersky.runtime.payloads import MODELS
from scrapersky.runtime.registry import DEEP_SCAN, SITEMAP_SCHEDULER
from tests.integration.conftest import Harness
from tests.integration.lambda_context import LambdaContext
from tests.records import make

pytestmark = pytest.mark.usefixtures("invariants_hold")


def test_run_claims_and_sends_at_most_the_limit(harness: Harness) -> None:
    harness.add("a.test", "b.test", "c.test")
    answer = harness.invoke(action="run", limit=2)
    assert answer["workflows"]["metadata"]["claimed"] == 2
    assert len(harness.receive()) == 2


def test_run_sent_three_times_claims_each_record_once(harness: Harness) -> None:
    (first, _) = harness.add("a.test", "b.test")
    answers = [harness.invoke(action="run", workflow="metadata", records=[first]) for _ in range(3)]
    assert [answer["workflows"]["metadata"]["claimed"] for answer in answers] == [1, 0, 0]


def test_run_reports_why_a_named_record_was_not_claimed(harness: Harness) -> None:
    (completed, _, paused) = harness.add("a.test", "b.test", "c.test")
    harness.connection.execute(text("UPDATE domains SET due_at = now() + interval '1 h' WHERE domain <> 'a.test'"))
    harness.drain()
    records = [completed, "b.test", 999, "none.test"]
    run = harness.invoke(action="run", workflow="metadata", records=records)["workflows"]["metadata"]
    reasons = {one["record"]: one["reason"] for one in run["not_moved"]}
    assert reasons[completed] == "is Completed; run needs Queued"
    assert reasons["b.test"].startswith("is due in 3")
    assert reasons[999] == "domains has no record 999"
    assert reasons["none.test"] == "domains has no record 'none.test'"
    harness.connection.execute(text("UPDATE domains SET due_at = now() WHERE domain = 'c.test'"))
    harness.invoke(action="pause", reason="maintenance")
    (left,) = harness.invoke(action="run", records=[paused])["workflows"]["metadata"]["not_moved"]
    assert left == {"record": paused, "id": paused, "status": "Queued", "reason": "metadata is paused"}


def test_a_dry_run_changes_nothing(harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    assert harness.invoke(action="run", dry_run=True)["workflows"]["metadata"] == {"queued": 1, "dry_run": True}
    assert harness.row(record_id)["status"] == "Queued"


def test_status_counts_the_records_of_each_status(harness: Harness) -> None:
    harness.add("a.test", "b.test")
    harness.add("c.test", status="New")
    harness.tick()
    answer = harness.invoke(action="status")["workflows"]["metadata"]
    assert answer["counts"] == {"Processing": 2, "New": 1}
    assert answer["live_attempts"] == 2
    assert answer["last_tick_at"] is not None
    assert answer["invariant_breaches"] == []


def test_status_shows_the_settings_but_for_passwords_and_no_other_answer_does(harness: Harness) -> None:
    shown = harness.invoke(action="status")["settings"]
    assert shown["DOMAIN_SCHEDULER_BATCH_SIZE"] == 50
    assert shown["STAGE"] == "test"
    assert "DATABASE_URL" not in shown
    assert "settings" not in harness.invoke(action="errors")


def test_status_shows_no_pause_that_ran_out(harness: Harness) -> None:
    harness.invoke(action="pause", reason="maintenance", seconds=60)
    harness.connection.execute(text("UPDATE pauses SET paused_until = now() - interval '1 s'"))
    answer = harness.invoke(action="status")["workflows"]["metadata"]
    assert answer["paused"] is False
    assert [answer[name] for name in ("paused_until", "paused_by", "pause_reason")] == [None] * 3


def test_records_are_run_in_the_workflow_that_the_payload_names_if_there_are_several(
    environment: dict[str, str], connection: Connection
) -> None:
    record_id = make(connection, DEEP_SCAN, "New", key="p")
    service = BackgroundService(SITEMAP_SCHEDULER, dict.fromkeys(SITEMAP_SCHEDULER.workflows, None), environment)  # type: ignore[arg-type]

    def run(**asked: Any) -> dict[str, Any]:
        return service.handler({"action": "run", **asked}, LambdaContext())

    assert run(records=[record_id])["error"]["field"] == "workflow"
    assert list(run(records=[record_id], workflow="deep_scan")["workflows"]) == ["deep_scan"]
    assert list(run()["workflows"]) == [workflow.name for workflow in SITEMAP_SCHEDULER.workflows]
    service.runtime.database.engine.dispose()


def test_list_returns_the_records_in_a_status_with_key_time_and_code(harness: Harness) -> None:
    (parked, fine) = harness.add("parked.test", "fine.test")
    harness.behaviour["parked.test"] = lambda _: Fail("parked", "the domain is for sale")
    harness.drain()
    (queued,) = harness.add("queued.test")
    (new,) = harness.add("new.test", status="New")

    def ids(**asked: Any) -> list[int]:
        return [one["id"] for one in harness.invoke(action="list", workflow="metadata", **asked)["records"]]

    assert ids() == [new, queued, fine, parked]
    assert (ids(status="New"), ids(status="Queued"), ids(status="Completed")) == ([new], [queued], [fine])
    (record,) = harness.invoke(action="list", workflow="metadata", status="Error")["records"]
    assert record.pop("since").startswith("20")
    assert record == {
        "id": parked,
        "record": "parked.test",
        "status": "Error",
        "due_at": None,
        "failures": 1,
        "error_code": "parked",
        "error": "the domain is for sale",
    }
    harness.tick()
    assert ids(status="Processing") == [queued]
    assert (ids(error_code="parked"), ids(error_code="parked", before=parked)) == ([parked], [])


def test_a_list_is_continued_from_its_next_before(harness: Harness) -> None:
    added = harness.add("a.test", "b.test", "c.test")
    first = harness.invoke(action="list", workflow="metadata", status="Queued", limit=2)
    rest = harness.invoke(action="list", workflow="metadata", status="Queued", limit=2, before=first["next_before"])
    assert [one["id"] for one in first["records"] + rest["records"]] == added[::-1]
    assert rest["next_before"] is None


def test_errors_are_grouped_by_code_with_number_times_and_examples(harness: Harness) -> None:
    domains = [f"{letter}.test" for letter in "abcde"]
    harness.add(*domains)
    harness.behaviour = dict.fromkeys(domains, lambda _: Fail("http_403", "refused"))
    harness.behaviour["e.test"] = lambda _: Fail("parked", "for sale")
    harness.drain()
    frequent, rare = harness.invoke(action="errors")["workflows"]["metadata"]["errors"]
    assert (frequent["error_code"], frequent["records"], rare["error_code"], rare["records"]) == (
        "http_403",
        4,
        "parked",
        1,
    )
    assert len(frequent["examples"]) == 3
    assert frequent["first_seen"] <= frequent["last_seen"]
    assert [one["record"] for one in rare["examples"]] == ["e.test"]


def test_explain_returns_the_whole_timeline_by_id_and_by_natural_key(harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    harness.behaviour["a.test"] = lambda _: Fail("parked", "the domain is for sale")
    harness.drain()
    timeline = harness.invoke(action="explain", workflow="metadata", record=record_id)
    assert timeline["now"]["error_code"] == "parked"
    assert [event["to_status"] for event in timeline["events"]] == ["Queued", "Processing", "Error"]
    assert timeline["events"][-1]["actor"] == "domain-scheduler"
    assert timeline["attempts"][0]["detail"]["reason"] == "the domain is for sale"
    for spelling in ("a.test", "https://WWW.A.test/about", " A.TEST "):
        assert harness.invoke(action="explain", workflow="metadata", record=spelling)["id"] == record_id


def test_the_older_names_id_and_ids_are_understood(harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    assert harness.invoke(action="explain", workflow="metadata", id=record_id)["id"] == record_id
    assert harness.invoke(action="cancel", workflow="metadata", ids=[record_id], reason="x")["ended"] == [record_id]


def test_requeue_by_error_code_moves_only_those_records_and_is_audited(harness: Harness) -> None:
    parked, other = harness.add("a.test", "b.test")
    harness.behaviour["a.test"] = lambda _: Fail("parked", "for sale")
    harness.behaviour["b.test"] = lambda _: Fail("not_html", "a picture")
    harness.drain()
    answer = harness.invoke(action="requeue", workflow="metadata", error_code="parked", reason="sold", actor="ada")
    assert answer["ids"] == [parked]
    assert harness.row(other)["status"] == "Error"
    event = harness.connection.execute(text("SELECT actor, reason FROM status_events ORDER BY event_id DESC")).first()
    assert event is not None
    assert tuple(event) == ("ada", "sold")


@pytest.mark.parametrize("action", ["requeue", "list"])
def test_an_error_code_that_no_record_has_is_reported_with_those_present(harness: Harness, action: str) -> None:
    harness.add("a.test")
    harness.behaviour["a.test"] = lambda _: Fail("http_403", "refused")
    harness.drain()
    reason = {"reason": "again"} if action == "requeue" else {}
    problem = harness.invoke(action=action, workflow="metadata", error_code="htp_403", **reason)["error"]
    assert problem["field"] == "error_code"
    assert problem["message"] == "no record with error code 'htp_403'; present: http_403 (1)"


def test_requeue_of_a_processing_record_changes_nothing_and_reports_it(harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    harness.tick()
    answer = harness.invoke(action="requeue", workflow="metadata", records=["a.test"], reason="again")
    assert answer["queued"] == 0
    assert answer["not_moved"] == [
        {
            "record": "a.test",
            "id": record_id,
            "status": "Processing",
            "reason": "is Processing; requeue needs New, Completed or Error",
        }
    ]
    assert harness.row(record_id)["status"] == "Processing"


def test_cancel_and_abandon_end_only_records_in_the_right_status(harness: Harness) -> None:
    processing, queued = harness.add("a.test", "b.test")
    harness.invoke(action="run", limit=1)
    both: dict[str, Any] = {"workflow": "metadata", "records": [processing, queued]}
    cancelled = harness.invoke(action="cancel", **both, reason="a mistake")
    assert cancelled["ended"] == [queued]
    assert [(one["id"], one["reason"]) for one in cancelled["not_moved"]] == [
        (processing, "is Processing; cancel needs Queued")
    ]
    abandoned = harness.invoke(action="abandon", **both, reason="it loops")
    assert abandoned["ended"] == [processing]
    assert [(one["id"], one["reason"]) for one in abandoned["not_moved"]] == [
        (queued, "is New; abandon needs Processing")
    ]
    assert (harness.row(queued)["status"], harness.row(processing)["error_code"]) == ("New", "abandoned")


def test_records_that_do_not_exist_are_reported_and_the_others_are_moved(harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    answer = harness.invoke(action="cancel", workflow="metadata", records=["a.test", 999, "no host"], reason="x")
    assert answer["ended"] == [record_id]
    reasons = {one["record"]: one["reason"] for one in answer["not_moved"]}
    assert reasons[999] == "domains has no record 999"
    assert "'no host'" in reasons["no host"]


def test_a_record_that_another_transaction_holds_is_not_called_early(harness: Harness, engine: Engine) -> None:
    (record_id,) = harness.add("a.test")
    harness.connection.execute(text("UPDATE domains SET due_at = now() + interval '1 h'"))
    with engine.begin() as other:
        other.execute(text("SELECT FROM domains FOR UPDATE"))
        answer = harness.invoke(action="cancel", workflow="metadata", records=[record_id], reason="r")
    (left,) = answer["not_moved"]
    assert "is due in" not in left["reason"]


def test_an_id_has_the_digits_0_to_9(harness: Harness) -> None:
    (record_id,) = harness.add("a.test")
    assert harness.invoke(action="explain", workflow="metadata", record=f" {record_id} ")["id"] == record_id
    other_digits = "".join(chr(0x0660 + int(digit)) for digit in str(record_id))
    assert "error" in harness.invoke(action="explain", workflow="metadata", record=other_digits)


def test_pause_stops_claims_until_resumed(harness: Harness) -> None:
    harness.add("a.test")
    harness.invoke(action="pause", reason="maintenance")
    assert harness.tick()["workflows"]["metadata"]["claimed"] == 0
    harness.invoke(action="resume", reason="done")
    assert harness.tick()["workflows"]["metadata"]["claimed"] == 1


@pytest.mark.parametrize("by_key", [False, True])
def test_process_works_on_one_record_and_answers_with_its_result(harness: Harness, by_key: bool) -> None:
    (record_id,) = harness.add("a.test")
    answer = harness.invoke(action="process", workflow="metadata", record="a.test" if by_key else record_id)
    assert answer["id"] == record_id
    assert answer["now"]["status"] == "Completed"
    assert answer["attempt"]["code"] == "read"


def test_process_reports_the_status_that_it_cannot_start_from(harness: Harness) -> None:
    harness.add("a.test", status="New")
    problem = harness.invoke(action="process", workflow="metadata", record="a.test")["error"]
    assert problem == {"field": "record", "message": "is New; process needs Queued"}


@pytest.mark.parametrize("name", ["metadata", "METADATA", " Metadata "])
def test_a_workflow_is_found_in_any_case(harness: Harness, name: str) -> None:
    assert list(harness.invoke(action="status", workflow=name)["workflows"]) == ["metadata"]


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"action": "explode"}, "action"),
        ({}, "action"),
        ({"action": "run", "limit": 0}, "limit"),
        ({"action": "run", "workflow": "nope"}, "workflow"),
        ({"action": "run", "colour": "red"}, "colour"),
        ({"action": "explain", "workflow": "metadata", "record": 77}, "record"),
        ({"action": "explain", "workflow": "metadata", "record": "nowhere.test"}, "record"),
        ({"action": "explain", "workflow": "metadata", "record": 2**63}, "record"),
        ({"action": "explain", "workflow": "metadata", "record": True}, "record"),
        ({"action": "explain", "workflow": "metadata", "record": " "}, "record"),
        ({"action": "explain", "workflow": "metadata", "record": "a" * 2_049}, "record"),
        ({"action": "explain", "workflow": "metadata", "record": "9" * 30}, "record"),
        ({"action": "explain", "workflow": "metadata", "record": "a\0.test"}, "record"),
        ({"action": "cancel", "workflow": "metadata", "records": [1, "\ud800"], "reason": "x"}, "records"),
        ({"action": "cancel", "workflow": "metadata", "records": [1, -1], "reason": "x"}, "records.1"),
        ({"action": "requeue", "workflow": "metadata", "reason": "x"}, "payload"),
        ({"action": "requeue", "workflow": "metadata", "records": [1]}, "reason"),
        ({"action": "requeue", "workflow": "metadata", "records": [1], "reason": "  "}, "reason"),
        ({"action": "requeue", "workflow": "metadata", "records": [1], "reason": "\udfff"}, "reason"),
        ({"action": "pause", "reason": "x", "seconds": 1e300}, "seconds"),
        ({"action": "pause", "reason": "x", "seconds": 2.6e11}, "seconds"),
        ({"action": "list", "workflow": "metadata", "status": "Pending"}, "status"),
        ({"action": "list", "workflow": "metadata", "status": "New", "error_code": "dns"}, "payload"),
        ({"action": "process", "workflow": "metadata", "record": 77}, "record"),
    ],
)
def test_an_invalid_payload_is_answered_with_its_field(harness: Harness, payload: dict[str, Any], field: str) -> None:
    (record_id,) = harness.add("a.test")
    assert harness.invoke(**payload)["error"]["field"] == field
    assert harness.row(record_id)["status"] == "Queued"


@pytest.mark.parametrize("event", [[], "status", 7, None])
def test_an_event_that_is_no_object_is_answered_with_an_error(harness: Harness, event: Any) -> None:
    problem = harness.service.handler(event, LambdaContext())["error"]
    assert problem["field"] == "payload"
    assert "JSON object" in problem["message"]


def test_a_missing_action_is_answered_with_the_valid_ones(harness: Harness) -> None:
    problem = harness.invoke()["error"]
    assert problem["message"] == f"is missing; valid actions: {', '.join(MODELS)}"


@pytest.mark.parametrize("record", [" ", "a" * 2_049, "9" * 30, 0, True, 1.5, None, []])
def test_a_value_that_names_no_record_is_answered_with_what_is_needed(harness: Harness, record: Any) -> None:
    problem = harness.invoke(action="explain", workflow="metadata", record=record)["error"]
    assert problem["message"].startswith("is no record: an id (a whole number from 1) or a domain, url or place id")


def test_an_unknown_field_is_answered_with_the_valid_ones(harness: Harness) -> None:
    problem = harness.invoke(action="explain", workflow="metadata", record=1, ids=[1])["error"]
    assert problem["message"] == "is not a field of explain; its fields: action, workflow, record"
