"""Every row of the audit trail has its log line: claims, results, and whatever operators and the API change."""

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from scrapersky.metrics import Observer
from scrapersky.runtime.messages import MessageQueue
from scrapersky.runtime.outcomes import Done, Fail, Retry, Snooze
from tests.integration.api import Api, results
from tests.integration.conftest import Harness
from tests.integration.lambda_context import LambdaContext

SAME_KEYS = {"workflow", "record_id", "from_status", "to_status", "outcome", "correlation_id"}
REASON = {"workflow": "metadata", "reason": "a test"}


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """Return the environment with an automatic hand-off."""
    return {**environment, "HANDOFF_METADATA_TO_SUBMISSION": "auto"}


def lines_of(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the keys of every transition line, oldest first."""
    return [vars(record) for record in caplog.records if record.message == "transition"]


def change_everything(harness: Harness, api: Api) -> None:
    """Move records by each verb: the tick's, the worker's, the operator's and the API's."""
    harness.behaviour = {
        "failing.test": lambda _: Fail("parked", "for sale"),
        "slow.test": lambda _: Retry("timeout", "too slow"),
        "busy.test": lambda _: Snooze("host_busy", "another worker uses it", after=60),
        "written.test": lambda record: Done("read", write=lambda _: {"domains": [record.id]}),
    }
    names = [f"{name}.test" for name in ("failing", "slow", "busy", "written")]
    selected = {"curation_status": "Selected"}
    assert results(api.post("/domains/bulk", {"domains": names})) == ["created"] * 4
    assert results(api.post("/domains/bulk", {"domains": ["added.test"], **selected})) == ["queued"]
    assert results(api.post("/domains/curation", {"filter": {"status": "New"}, **selected})) == ["queued"] * 4
    harness.drain()
    assert len(harness.invoke(action="requeue", records=["failing.test"], **REASON)["ids"]) == 1
    assert len(harness.invoke(action="cancel", records=["failing.test"], **REASON)["ended"]) == 1
    assert len(harness.invoke(action="requeue", records=["failing.test", "written.test"], **REASON)["ids"]) == 2
    nowhere = MessageQueue("https://sqs.eu-west-1.amazonaws.com/000000000000/nowhere")
    runtime = harness.service.runtime
    harness.service.runtime = replace(runtime, queue=nowhere)
    with pytest.raises(RuntimeError, match="could not serve metadata"):
        harness.tick()
    harness.service.runtime = runtime
    harness.tick()
    assert len(harness.invoke(action="abandon", records=["failing.test"], **REASON)["ended"]) == 1


def test_every_transition_of_the_audit_trail_is_one_log_line_with_the_same_keys(
    harness: Harness, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    change_everything(harness, api)
    audited = harness.connection.execute(
        text("""SELECT workflow, record_id, from_status, to_status FROM status_events
                WHERE from_status IS NOT NULL OR to_status <> 'New'""")
    )
    lines = lines_of(caplog)
    keys = ("workflow", "record_id", "from_status", "to_status")
    assert sorted(tuple(str(line[key]) for key in keys) for line in lines) == sorted(
        tuple(str(value) for value in row) for row in audited
    )
    assert all(line.keys() >= SAME_KEYS for line in lines)
    outcomes = {line["outcome"] for line in lines}
    assert outcomes >= {"added", "curated", "handed_off", "requeued", "cancelled", "abandoned", "released"}


def test_a_transaction_that_is_rolled_back_logs_no_transition(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.add("a.test")

    def hand_off_and_fail(_: Any) -> Done:
        return Done("read", write=lambda connection: {"domains": [connection.execute(text("SELECT 1/0")).scalar_one()]})

    harness.behaviour["a.test"] = hand_off_and_fail
    harness.drain()
    assert [(line["workflow"], line["to_status"]) for line in lines_of(caplog)] == [
        ("metadata", "Processing"),
        ("metadata", "Queued"),
    ]


def test_every_line_has_the_request_the_version_the_cold_start_and_an_rfc_3339_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    observer = Observer("a-service-of-its-own", "test")
    for request, version in (("one", "7"), ("two", "7")):
        observer.begin(LambdaContext(aws_request_id=request, function_version=version))
        observer.line("tick", {})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["function_request_id"], line["function_version"], line["cold_start"]) for line in lines] == [
        ("one", "7", True),
        ("two", "7", False),
    ]
    for line in lines:
        assert line["timestamp"][10] == "T"
        assert line["timestamp"][-6] in "+-"
