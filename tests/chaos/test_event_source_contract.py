"""The simulated event source mapping against Lambda's documented table of batch answers."""

import json
from typing import Any

import pytest

from tests.chaos.answers import ANSWERS, BOTH, told
from tests.chaos.clock import Clock
from tests.chaos.event_source import EventSourceMapping
from tests.chaos.partial_batch import failed_items
from tests.chaos.sqs import Queue


@pytest.mark.parametrize(("answer", "again"), ANSWERS, ids=told)
def test_an_answer_means_what_the_documentation_says(answer: object, again: frozenset[str]) -> None:
    failed = failed_items(answer, ["a", "b"])
    assert (BOTH if failed is None else failed) == again


def test_an_answer_that_json_cannot_hold_brings_the_whole_batch_back() -> None:
    assert failed_items({"batchItemFailures": {1, 2}}, ["a", "b"]) is None


def mapping(**settings: Any) -> EventSourceMapping:
    """A mapping on a queue of three messages."""
    messages = Queue("messages", Clock(), 30.0)
    for body in "abc":
        messages.send(body)
    return EventSourceMapping(messages, **settings)


def test_a_partial_answer_deletes_the_rest_and_what_it_names_comes_back_after_the_visibility_timeout() -> None:
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
def test_a_malformed_answer_brings_the_whole_batch_back(answer: object) -> None:
    source = mapping()
    batch = source.poll()
    assert batch is not None
    source.answered(batch, answer)
    source.queue.clock.advance(30)
    again = source.poll()
    assert again is not None
    assert len(again.messages) == 3


def test_a_crash_brings_the_whole_batch_back() -> None:
    source = mapping()
    assert source.poll() is not None
    source.failed()
    assert (source.queue.size(), source.running) == (3, 0)


def test_without_the_flag_on_the_mapping_an_answer_is_ignored_and_failed_messages_are_deleted() -> None:
    source = mapping(report_batch_item_failures=False)
    batch = source.poll()
    assert batch is not None
    source.answered(batch, {"batchItemFailures": [{"itemIdentifier": batch.messages[0].message_id}]})
    assert source.queue.size() == 0


def test_a_mapping_hands_over_at_most_its_batch_size_to_at_most_its_maximum_of_invocations() -> None:
    source = mapping(batch_size=1, maximum_concurrency=2)
    first, second = source.poll(), source.poll()
    assert first is not None
    assert second is not None
    assert (len(first.messages), source.poll()) == (1, None)
    assert source.queue.visible() == 1, "a full mapping receives nothing: no throttled receive counts"
    source.answered(first, None)
    assert source.poll() is not None


@pytest.mark.parametrize("settings", [{"batch_size": 0}, {"batch_size": 10_001}, {"maximum_concurrency": 1}])
def test_a_mapping_refuses_what_aws_refuses(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        mapping(**settings)


def test_an_event_has_lambdas_shape() -> None:
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
