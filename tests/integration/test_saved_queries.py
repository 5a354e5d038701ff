"""The saved queries on the functions' real log lines: each query finds lines that have all of its keys."""

from typing import Any

import pytest
from sqlalchemy import text

from scrapersky.runtime.outcomes import Done, Fail, Outcome, Retry
from scrapersky.runtime.registry import METADATA
from scrapersky.status.abandon import abandon
from scripts.commands.scrapersky.logs.insights import matching, run
from scripts.commands.scrapersky.logs.query import Query, names
from scripts.commands.scrapersky.logs.source import lines_of
from tests.infra.insights import keys_of
from tests.integration.conftest import Harness
from tests.integration.lambda_context import LambdaContext

PLATFORM_QUERIES = {"cold-starts-and-memory", "timeouts-and-crashes"}
"""Queries on lines that Lambda itself writes."""


def produce_every_log_line(harness: Harness) -> dict[str, Any]:
    """Process records that succeed, fail, are retried, crash and finish too late, and deliver all messages twice.

    Returns values for the queries' parameters.
    """

    def too_late(record: Any) -> Outcome:
        abandon(harness.connection, METADATA, [record.id], actor="test", reason="make the result stale")
        return Done("read")

    def crash(_: Any) -> Outcome:
        raise ZeroDivisionError("an unexpected error")

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
    assert harness.deliver(messages) == []  # redelivered: no attempt is live any more
    harness.invoke(action="requeue", workflow="metadata", records=[failing], reason="they are back")
    return {"workflow": "metadata", "record_id": str(failing), "correlation_id": LambdaContext().aws_request_id}


def test_every_query_finds_lines_that_have_all_of_its_keys(harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
    values = produce_every_log_line(harness)
    formatter = harness.service.runtime.observer.log.registered_formatter
    logged = [formatter.format(record) for record in caplog.records if record.name == "domain-scheduler"]
    lines = lines_of("\n".join(logged))
    for name in set(names()) - PLATFORM_QUERIES:
        query = Query.named(name)
        filled = query.with_values({parameter: values[parameter] for parameter in query.parameters})
        run(filled, lines)
        found = matching(filled, lines)
        assert found, f"{name} finds no line"
        missing = keys_of(query.text) - {key for line in found for key in line}
        assert not missing, f"{name}: none of its lines has {', '.join(sorted(missing))}"


def test_a_late_result_is_logged_as_stale_with_its_record_and_attempt(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    produce_every_log_line(harness)
    (line,) = (vars(record) for record in caplog.records if record.getMessage() == "stale result")
    assert line["workflow"] == "metadata"
    domain = text("SELECT domain FROM domains WHERE id = :id")
    assert harness.connection.execute(domain, {"id": line["record_id"]}).scalar_one() == "late.test"
    assert line["attempt_id"]
