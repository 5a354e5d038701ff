"""The simulated event source mapping follows Lambda's documentation."""

import json
from typing import Any

import pytest

from tests.chaos.event_source import BOTH, DOCUMENTED_ANSWERS, EventSourceMapping, failed_items, repr_of_answer
from tests.chaos.sqs import Clock, Queue


@pytest.mark.parametrize(("answer", "redelivered"), DOCUMENTED_ANSWERS, ids=repr_of_answer)
def test_an_answer_is_interpreted_as_documented(answer: object, redelivered: frozenset[str]) -> None:
    failed = failed_items(answer, ["a", "b"])
    assert (BOTH if failed is None else failed) == redelivered


def test_an_answer_that_is_not_json_fails_the_whole_batch() -> None:
    assert failed_items({"batchItemFailures": {1, 2}}, ["a", "b"]) is None


def mapping(**settings: Any) -> EventSourceMapping:
    """Return a mapping on a queue of three messages."""
    messages = Queue("messages", Clock(), 30.0)
    for body in "abc":
        messages.send(body)
    return EventSourceMapping(messages, **settings)


def test_a_partial_answer_deletes_the_rest_and_redelivers_its_items_after_the_visibility_timeout() -> None:
    source = mapping()
    batch = source.poll()
    assert batch is not None
    failed = batch.messages[1]
    source.answered(batch, {"batchItemFailures": [{"itemIdentifier": failed.message_id}]})
    assert source.queue.size() == 1
    assert source.poll() is None
    source.queue.clock.advance(30)
    again = source.poll()
    assert again is not None
    assert [message.message_id for message in again.messages] == [failed.message_id]


@pytest.mark.parametrize("answer", ["nonsense", {"batchItemFailures": [{"itemIdentifier": ""}]}])
def test_a_malformed_answer_fails_the_whole_batch(answer: object) -> None:
    source = mapping()
    batch = source.poll()
    assert batch is not None
    source.answered(batch, answer)
    source.queue.clock.advance(30)
    again = source.poll()
    assert again is not None
    assert len(again.messages) == 3


def test_a_crash_fails_the_whole_batch() -> None:
    source = mapping()
    assert source.poll() is not None
    source.failed()
    assert (source.queue.size(), source.running) == (3, 0)


def test_without_report_batch_item_failures_the_answer_is_ignored_and_failed_messages_are_deleted() -> None:
    source = mapping(report_batch_item_failures=False)
    batch = source.poll()
    assert batch is not None
    source.answered(batch, {"batchItemFailures": [{"itemIdentifier": batch.messages[0].message_id}]})
    assert source.queue.size() == 0


def test_a_mapping_keeps_its_batch_size_and_its_maximum_concurrency() -> None:
    source = mapping(batch_size=1, maximum_concurrency=2)
    first, second = source.poll(), source.poll()
    assert first is not None
    assert second is not None
    assert (len(first.messages), source.poll()) == (1, None)
    assert source.queue.visible() == 1, "a mapping at its maximum receives nothing, so no receive counts are wasted"
    source.answered(first, None)
    assert source.poll() is not None


@pytest.mark.parametrize("settings", [{"batch_size": 0}, {"batch_size": 10_001}, {"maximum_concurrency": 1}])
def test_a_mapping_rejects_the_settings_that_aws_rejects(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        mapping(**settings)


def test_an_event_has_the_shape_of_lambdas() -> None:
    source = mapping()
    source.queue.send("{}", {"attempt_id": {"DataType": "Number", "StringValue": "7"}})
    batch = source.poll()
    assert batch is not None
    record = batch.event["Records"][-1]
    assert json.loads(json.dumps(batch.event)) == batch.event
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["messageAttributes"]["attempt_id"]["stringValue"] == "7"
    assert {"messageId", "receiptHandle", "body", "eventSourceARN", "awsRegion", "md5OfBody"} <= record.keys()
    assert record["eventSource"] == "aws:sqs"
