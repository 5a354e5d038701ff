"""The simulated queue follows the documentation of standard queues."""

import random

import pytest

from tests.chaos.client import CallFaults, Client
from tests.chaos.sqs import NO_FAULTS, Clock, DeliveryFaults, Queue, SqsError


def queue(clock: Clock, faults: DeliveryFaults = NO_FAULTS, **settings: float) -> Queue:
    """Return a queue with a dead-letter queue, 30 s of visibility timeout and three receives."""
    dead_letters = Queue("dead", clock, retention=1_209_600)
    return Queue("messages", clock, 30.0, dead_letters=dead_letters, max_receive_count=3, faults=faults, **settings)  # type: ignore[arg-type]


def code_of(error: pytest.ExceptionInfo[SqsError]) -> str:
    """Return the error code."""
    return error.value.code


def test_a_received_message_is_invisible_until_its_timeout_ends_and_then_redelivered() -> None:
    clock = Clock()
    messages = queue(clock)
    messages.send("a")
    (first,) = messages.receive(10)
    assert (first.receive_count, messages.receive(10), messages.in_flight()) == (1, [], 1)
    clock.advance(29.9)
    assert messages.receive(10) == []
    clock.advance(0.1)
    (second,) = messages.receive(10)
    assert (second.message_id, second.receive_count) == (first.message_id, 2)
    assert second.first_received_at == first.first_received_at


def test_a_message_at_its_maximum_receive_count_is_moved_instead_of_delivered() -> None:
    clock = Clock()
    messages = queue(clock)
    sent = messages.send("a")
    for _ in range(3):
        assert [message.message_id for message in messages.receive(10)] == [sent]
        clock.advance(30)
    assert messages.dead_letters is not None
    assert messages.dead_letters.receive(10) == []
    assert messages.receive(10) == []
    (moved,) = messages.dead_letters.receive(10)
    assert (moved.message_id, moved.body, messages.size()) == (sent, "a", 0)


def test_a_dead_letter_of_a_standard_queue_keeps_its_age() -> None:
    clock = Clock()
    messages = queue(clock)
    messages.send("a")
    for _ in range(4):
        messages.receive(10)
        clock.advance(30)
    assert messages.dead_letters is not None
    clock.advance(1_209_600 - 120)
    assert messages.dead_letters.receive(10) == []
    assert messages.dead_letters.counts["expired"] == 1


def test_a_message_is_deleted_after_its_retention() -> None:
    clock = Clock()
    messages = queue(clock)
    messages.send("a")
    clock.advance(345_600)
    assert messages.receive(1) == []
    assert messages.size() == 0


def test_only_the_latest_receipt_handle_deletes() -> None:
    clock = Clock()
    messages = queue(clock)
    messages.send("a")
    (old,) = messages.receive(1)
    clock.advance(30)
    (new,) = messages.receive(1)
    messages.delete(old.receipt_handle)
    assert messages.size() == 1
    messages.delete(new.receipt_handle)
    assert messages.size() == 0


def test_the_latest_receipt_handle_deletes_a_message_even_after_its_visibility_timeout() -> None:
    clock = Clock()
    messages = queue(clock)
    messages.send("a")
    (message,) = messages.receive(1)
    clock.advance(31)
    assert messages.visible() == 1
    messages.delete(message.receipt_handle)
    assert messages.receive(1) == []


def test_a_changed_visibility_timeout_redelivers_the_message_earlier_or_later() -> None:
    clock = Clock()
    messages = queue(clock)
    messages.send("a")
    (message,) = messages.receive(1)
    messages.change_visibility(message.receipt_handle, 5)
    clock.advance(5)
    (message,) = messages.receive(1)
    messages.change_visibility(message.receipt_handle, 60)
    clock.advance(59)
    assert messages.receive(1) == []
    clock.advance(1)
    assert len(messages.receive(1)) == 1


def test_visibility_timeouts_have_limits() -> None:
    clock = Clock()
    messages = queue(clock)
    messages.send("a")
    (message,) = messages.receive(1)
    with pytest.raises(SqsError) as error:
        messages.change_visibility(message.receipt_handle, 43_201)
    assert code_of(error) == "InvalidParameterValue"
    clock.advance(10)
    with pytest.raises(SqsError) as error:
        messages.change_visibility(message.receipt_handle, 43_195)
    assert code_of(error) == "InvalidParameterValue"
    clock.advance(20)
    with pytest.raises(SqsError) as error:
        messages.change_visibility(message.receipt_handle, 5)
    assert code_of(error) == "MessageNotInflight"
    with pytest.raises(SqsError) as error:
        messages.change_visibility("unknown#1", 5)
    assert code_of(error) == "ReceiptHandleIsInvalid"


def test_a_message_may_be_delayed_by_at_most_fifteen_minutes() -> None:
    clock = Clock()
    messages = queue(clock)
    messages.send("a", delay=900)
    clock.advance(899)
    assert messages.receive(1) == []
    assert messages.next_visible_in() == 1
    clock.advance(1)
    assert len(messages.receive(1)) == 1
    with pytest.raises(SqsError):
        messages.send("a", delay=901)


@pytest.mark.parametrize("number", [0, 11])
def test_a_receive_returns_one_to_ten_messages(number: int) -> None:
    with pytest.raises(SqsError):
        queue(Clock()).receive(number)


def test_a_message_may_be_delivered_to_two_receivers() -> None:
    clock = Clock()
    messages = queue(clock, DeliveryFaults(duplicate=1.0))
    messages.send("a")
    (one,) = messages.receive(1)
    (other,) = messages.receive(1)
    assert one.message_id == other.message_id
    assert (one.receive_count, other.receive_count) == (1, 2)


def test_a_lost_delete_redelivers_the_message() -> None:
    clock = Clock()
    messages = queue(clock, DeliveryFaults(undelete=1.0))
    messages.send("a")
    (message,) = messages.receive(1)
    messages.delete(message.receipt_handle)
    clock.advance(30)
    assert len(messages.receive(1)) == 1


def test_the_same_seed_makes_the_same_faults() -> None:
    def order(seed: int) -> list[str]:
        messages = queue(Clock(), DeliveryFaults(reorder=1.0))
        messages.rng = random.Random(seed)
        for number in range(20):
            messages.send(str(number))
        return [message.body for message in messages.receive(10) + messages.receive(10)]

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert sorted(order(1), key=int) == [str(number) for number in range(20)]


def entries(*ids: str) -> list[dict[str, str]]:
    """Return entries of a send."""
    return [{"Id": name, "MessageBody": name} for name in ids]


@pytest.mark.parametrize(
    ("ids", "code"),
    [
        ([], "EmptyBatchRequest"),
        ([str(number) for number in range(11)], "TooManyEntriesInBatchRequest"),
        (["a", "a"], "BatchEntryIdsNotDistinct"),
        (["a b"], "InvalidBatchEntryId"),
    ],
)
def test_a_malformed_batch_call_is_rejected_as_a_whole(ids: list[str], code: str) -> None:
    messages = queue(Clock())
    with pytest.raises(SqsError) as error:
        Client({messages.url: messages}).send_message_batch(QueueUrl=messages.url, Entries=entries(*ids))
    assert code_of(error).endswith(code)
    assert messages.size() == 0


def test_a_batch_call_may_fail_in_part_completely_or_only_in_its_answer() -> None:
    messages = queue(Clock())

    def send(faults: CallFaults) -> dict[str, object]:
        client = Client({messages.url: messages}, faults)
        return client.send_message_batch(QueueUrl=messages.url, Entries=entries("a", "b"))

    answer = send(CallFaults(entry_fails=1.0))
    assert [failed["Id"] for failed in answer["Failed"]] == ["a", "b"]  # type: ignore[attr-defined]
    assert messages.size() == 0
    with pytest.raises(SqsError):
        send(CallFaults(call_fails=1.0))
    assert messages.size() == 0
    with pytest.raises(SqsError):
        send(CallFaults(answer_lost=1.0))
    assert messages.size() == 2


def test_an_entry_that_sqs_rejects_is_reported_as_failed_and_the_others_are_done() -> None:
    clock = Clock()
    messages = queue(clock)
    messages.send("a")
    (message,) = messages.receive(1)
    answer = Client({messages.url: messages}).change_message_visibility_batch(
        QueueUrl=messages.url,
        Entries=[
            {"Id": "0", "ReceiptHandle": message.receipt_handle, "VisibilityTimeout": 1},
            {"Id": "1", "ReceiptHandle": "unknown#1", "VisibilityTimeout": 1},
        ],
    )
    assert [entry["Id"] for entry in answer["Successful"]] == ["0"]
    assert [(entry["Id"], entry["Code"]) for entry in answer["Failed"]] == [("1", "ReceiptHandleIsInvalid")]
