"""The saved queries over what the functions really log: each finds lines, and on them every key that it names."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from scrapersky.runtime.outcomes import Done, Fail, Outcome, Retry
from scrapersky.runtime.registry import METADATA
from scrapersky.status.abandon import abandon
from scripts.commands.scrapersky.logs.query import Query, names
from tests.infra.insights import keeps, keys_of
from tests.integration.conftest import Harness
from tests.integration.lambda_context import LambdaContext

OF_LAMBDA_ITSELF = {"cold-starts-and-memory", "timeouts-and-crashes"}
"""Queries over the lines that the platform writes."""


def everything_happens(harness: Harness) -> dict[str, Any]:
    """Records that succeed, fail, are retried, crash and come too late, and messages that come twice; the queries' values."""

    def too_late(record: Any) -> Outcome:
        abandon(harness.connection, METADATA, [record.id], actor="test", reason="to see what its worker says")
        return Done("read")

    def crash(_: Any) -> Outcome:
        raise ZeroDivisionError("nobody thought of this")

    harness.behaviour |= {
        "gone.test": lambda _: Fail("http_404", "no such page"),
        "slow.test": lambda _: Retry("timeout", "too slow"),
        "crash.test": crash,
        "late.test": too_late,
    }
    _, failing, *_ = harness.add("fine.test", *harness.behaviour)
    harness.tick()
    messages = harness.receive()
    for message in messages:
        message["attributes"]["ApproximateReceiveCount"] = "2"
    assert harness.deliver(messages) == []
    assert harness.deliver(messages) == []  # delivered once more: nothing is live any more
    return {"workflow": "metadata", "record_id": str(failing), "correlation_id": LambdaContext().aws_request_id}


def test_every_query_finds_lines_and_on_them_every_key_that_it_names(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    values = everything_happens(harness)
    formatter = harness.service.runtime.observer.log.registered_formatter
    lines = [json.loads(formatter.format(record)) for record in caplog.records if record.name == "domain-scheduler"]
    for name in set(names()) - OF_LAMBDA_ITSELF:
        query = Query.named(name)
        asked = query.with_values({parameter: values[parameter] for parameter in query.parameters})
        found = [line for line in lines if keeps(asked, line)]
        assert found, f"{name} finds nothing"
        missing = keys_of(query.text) - {key for line in found for key in line}
        assert not missing, f"{name}: none of its lines has {', '.join(sorted(missing))}"


def test_a_result_that_came_too_late_is_told_as_stale_with_whose_it_was(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    everything_happens(harness)
    (told,) = (vars(record) for record in caplog.records if record.getMessage() == "stale result")
    assert told["workflow"] == "metadata"
    domain = text("SELECT domain FROM domains WHERE id = :id")
    assert harness.connection.execute(domain, {"id": told["record_id"]}).scalar_one() == "late.test"
    assert told["attempt_id"]
