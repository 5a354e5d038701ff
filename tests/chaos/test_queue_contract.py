"""The simulated queue against what AWS documents of a standard queue."""

import random

import pytest

from tests.chaos.client import Client, Trouble
from tests.chaos.clock import Clock
from tests.chaos.sqs import CALM, Mischief, Queue, SqsError


def queue(clock: Clock, mischief: Mischief = CALM, **settings: float) -> Queue:
    """A queue with a dead-letter queue, 30 s of visibility and three receives."""
    dead_letters = Queue("dead", clock, retention=1_209_600)
    return Queue("messages", clock, 30.0, dead_letters=dead_letters, max_receive_count=3, mischief=mischief, **settings)  # type: ignore[arg-type]


def refusal(error: pytest.ExceptionInfo[SqsError]) -> str:
    """The error code."""
    return error.value.code


def test_a_received_message_is_invisible_until_its_timeout_ends_and_then_comes_back() -> None:
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


def test_a_message_received_once_more_than_its_limit_is_moved_and_not_handed_over() -> None:
    clock = Clock()
    messages = queue(clock)
    sent = messages.send("a")
    for _ in range(3):
        assert [message.message_id for message in messages.receive(10)] == [sent]
        clock.advance(30)
    assert messages.dead_letters is not None
    assert messages.dead_letters.receive(10) == []
    assert messages.receive(10) == []
    (letter,) = messages.dead_letters.receive(10)
    assert (letter.message_id, letter.body, messages.size()) == (sent, "a", 0)


def test_a_standard_queues_dead_letter_keeps_its_age() -> None:
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


def test_a_message_past_its_retention_is_gone() -> None:
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


def test_a_message_whose_timeout_ended_is_still_deleted_by_who_received_it_last() -> None:
    clock = Clock()
    messages = queue(clock)
    messages.send("a")
    (message,) = messages.receive(1)
    clock.advance(31)
    assert messages.visible() == 1
    messages.delete(message.receipt_handle)
    assert messages.receive(1) == []


def test_a_shortened_visibility_brings_the_message_back_earlier_and_a_longer_one_later() -> None:
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


def test_visibility_has_its_limits() -> None:
    clock = Clock()
    messages = queue(clock)
    messages.send("a")
    (message,) = messages.receive(1)
    with pytest.raises(SqsError) as refused:
        messages.change_visibility(message.receipt_handle, 43_201)
    assert refusal(refused) == "InvalidParameterValue"
    clock.advance(10)
    with pytest.raises(SqsError) as refused:
        messages.change_visibility(message.receipt_handle, 43_195)
    assert refusal(refused) == "InvalidParameterValue"
    clock.advance(20)
    with pytest.raises(SqsError) as refused:
        messages.change_visibility(message.receipt_handle, 5)
    assert refusal(refused) == "MessageNotInflight"
    with pytest.raises(SqsError) as refused:
        messages.change_visibility("nobody#1", 5)
    assert refusal(refused) == "ReceiptHandleIsInvalid"


def test_a_delayed_message_waits_and_more_than_fifteen_minutes_are_refused() -> None:
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
def test_one_receive_hands_over_one_to_ten(number: int) -> None:
    with pytest.raises(SqsError):
        queue(Clock()).receive(number)


def test_at_least_once_means_that_two_may_hold_one_message() -> None:
    clock = Clock()
    messages = queue(clock, Mischief(duplicate=1.0))
    messages.send("a")
    (one,) = messages.receive(1)
    (other,) = messages.receive(1)
    assert one.message_id == other.message_id
    assert (one.receive_count, other.receive_count) == (1, 2)


def test_a_forgotten_delete_brings_the_message_back() -> None:
    clock = Clock()
    messages = queue(clock, Mischief(resurrect=1.0))
    messages.send("a")
    (message,) = messages.receive(1)
    messages.delete(message.receipt_handle)
    clock.advance(30)
    assert len(messages.receive(1)) == 1


def test_the_same_seed_makes_the_same_mischief() -> None:
    def order(seed: int) -> list[str]:
        messages = queue(Clock(), Mischief(reorder=1.0))
        messages.rng = random.Random(seed)
        for number in range(20):
            messages.send(str(number))
        return [message.body for message in messages.receive(10) + messages.receive(10)]

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert sorted(order(1), key=int) == [str(number) for number in range(20)]


def entries(*ids: str) -> list[dict[str, str]]:
    """Entries of a send."""
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
def test_a_malformed_batch_call_is_refused_whole(ids: list[str], code: str) -> None:
    messages = queue(Clock())
    with pytest.raises(SqsError) as refused:
        Client({messages.url: messages}).send_message_batch(QueueUrl=messages.url, Entries=entries(*ids))
    assert refusal(refused).endswith(code)
    assert messages.size() == 0


def test_a_batch_call_may_fail_in_part_wholly_or_only_in_its_answer() -> None:
    messages = queue(Clock())

    def send(trouble: Trouble) -> dict[str, object]:
        client = Client({messages.url: messages}, trouble)
        return client.send_message_batch(QueueUrl=messages.url, Entries=entries("a", "b"))

    answer = send(Trouble(entry_fails=1.0))
    assert [failed["Id"] for failed in answer["Failed"]] == ["a", "b"]  # type: ignore[attr-defined]
    assert messages.size() == 0
    with pytest.raises(SqsError):
        send(Trouble(call_fails=1.0))
    assert messages.size() == 0
    with pytest.raises(SqsError):
        send(Trouble(answer_lost=1.0))
    assert messages.size() == 2


def test_an_entry_that_sqs_refuses_is_told_as_failed_and_the_others_are_done() -> None:
    clock = Clock()
    messages = queue(clock)
    messages.send("a")
    (message,) = messages.receive(1)
    answer = Client({messages.url: messages}).change_message_visibility_batch(
        QueueUrl=messages.url,
        Entries=[
            {"Id": "0", "ReceiptHandle": message.receipt_handle, "VisibilityTimeout": 1},
            {"Id": "1", "ReceiptHandle": "nobody#1", "VisibilityTimeout": 1},
        ],
    )
    assert [entry["Id"] for entry in answer["Successful"]] == ["0"]
    assert [(entry["Id"], entry["Code"]) for entry in answer["Failed"]] == [("1", "ReceiptHandleIsInvalid")]
