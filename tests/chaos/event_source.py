"""Lambda's event source mapping: receives batches, and deletes the messages that the function's answer does not fail.

An invocation without an answer (crash, timeout, kill) leaves its messages invisible until their visibility timeout
ends; so does an answer that fails them. Sources: AWS Lambda Developer Guide, SQS event source mappings (batch size,
maximum concurrency, partial batch responses, event shape).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

from tests.chaos.sqs import MAX_RECEIVE, Queue, Received

REGION = "eu-west-1"

BOTH: Final = frozenset({"a", "b"})
NEITHER: Final[frozenset[str]] = frozenset()
DOCUMENTED_ANSWERS: Final[tuple[tuple[Any, frozenset[str]], ...]] = (
    # complete success
    (None, NEITHER),
    ({}, NEITHER),
    ({"batchItemFailures": []}, NEITHER),
    ({"batchItemFailures": None}, NEITHER),
    ({"something": "else"}, NEITHER),
    # partial
    ({"batchItemFailures": [{"itemIdentifier": "a"}]}, frozenset({"a"})),
    ({"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "a"}]}, frozenset({"a"})),
    ({"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]}, BOTH),
    # complete failure
    ({"batchItemFailures": [{"itemIdentifier": ""}]}, BOTH),
    ({"batchItemFailures": [{"itemIdentifier": None}]}, BOTH),
    ({"batchItemFailures": [{"messageId": "a"}]}, BOTH),
    ({"batchItemFailures": [{"itemIdentifier": "a"}, {}]}, BOTH),
    ({"batchItemFailures": [{"itemIdentifier": "stranger"}]}, BOTH),
    ({"batchItemFailures": [{"itemIdentifier": 7}]}, BOTH),
    ({"batchItemFailures": ["a"]}, BOTH),
    ({"batchItemFailures": "a"}, BOTH),
    ("done", BOTH),
    (["a"], BOTH),
)
"""(answer to a batch of the messages ``a`` and ``b``, those that are redelivered).

Source: AWS Lambda Developer Guide, "Handling errors for an SQS event source", success and failure conditions.
"""


def repr_of_answer(value: Any) -> str:
    """Return the name of a parametrized test. Sets are sorted, so that every process makes the same names."""
    return repr(sorted(value)) if isinstance(value, frozenset) else repr(value)


def failed_items(answer: object, message_ids: Collection[str]) -> frozenset[str] | None:
    """Return the messages that ``answer`` fails, or None when the whole batch has failed.

    Complete success: no answer, an empty one, a null or empty ``batchItemFailures``; then every message is deleted.
    Complete failure: not JSON, not an object, a ``batchItemFailures`` that is no list of objects, or an
    ``itemIdentifier`` that is absent, null, empty, not a string, or unknown. The guide does not mention unknown
    identifiers; this is the stricter reading. Source: as :data:`DOCUMENTED_ANSWERS`.
    """
    try:
        answer = json.loads(json.dumps(answer))
    except (TypeError, ValueError):
        return None
    if answer is None:
        return frozenset()
    if not isinstance(answer, dict):
        return None
    items = answer.get("batchItemFailures")
    if items is None:
        return frozenset()
    if not isinstance(items, list):
        return None
    failed = set()
    for item in items:
        identifier = item.get("itemIdentifier") if isinstance(item, dict) else None
        if not isinstance(identifier, str) or not identifier or identifier not in message_ids:
            return None
        failed.add(identifier)
    return frozenset(failed)


@dataclass(frozen=True)
class Batch:
    """The messages of one invocation."""

    messages: tuple[Received, ...]

    @property
    def event(self) -> dict[str, Any]:
        """The event as the function gets it."""
        return {"Records": [as_record(message) for message in self.messages]}


@dataclass
class EventSourceMapping:
    """At most ``maximum_concurrency`` batches at once, each of at most ``batch_size`` messages."""

    queue: Queue
    batch_size: int = 10
    maximum_concurrency: int = 10
    report_batch_item_failures: bool = True
    running: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        if not 1 <= self.batch_size <= 10_000:
            raise ValueError(f"batch_size={self.batch_size} must be 1 to 10,000")
        if not 2 <= self.maximum_concurrency <= 1_000:
            raise ValueError(f"maximum_concurrency={self.maximum_concurrency} must be 2 to 1,000")

    def poll(self) -> Batch | None:
        """Return the next batch, None when nothing is visible or the maximum of invocations is running."""
        if self.running >= self.maximum_concurrency:
            return None
        messages: list[Received] = []
        while len(messages) < self.batch_size:
            received = self.queue.receive(min(MAX_RECEIVE, self.batch_size - len(messages)))
            if not received:
                break
            messages += received
        if not messages:
            return None
        self.running += 1
        self.counts["batches"] += 1
        self.counts["deliveries"] += len(messages)
        return Batch(tuple(messages))

    def answered(self, batch: Batch, answer: object) -> None:
        """Handle the function's ``answer``: delete what it does not fail."""
        self.running -= 1
        failed: frozenset[str] | None = frozenset()
        if self.report_batch_item_failures:
            failed = failed_items(answer, [message.message_id for message in batch.messages])
        if failed is None:
            self.counts["whole batches failed"] += 1
            return
        for message in batch.messages:
            if message.message_id not in failed:
                self.queue.delete(message.receipt_handle)
        self.counts["items failed"] += len(failed)

    def failed(self) -> None:
        """Handle an invocation that raised, timed out or died: nothing is deleted."""
        self.running -= 1
        self.counts["failed invocations"] += 1


def as_record(message: Received) -> dict[str, Any]:
    """Return one message as a record of Lambda's event."""
    return {
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.receive_count),
            "SentTimestamp": str(round(message.sent_at * 1000)),
            "SenderId": "AIDAEXAMPLE",
            "ApproximateFirstReceiveTimestamp": str(round(message.first_received_at * 1000)),
        },
        "messageAttributes": {
            name: {
                "stringValue": value["StringValue"],
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value["DataType"],
            }
            for name, value in message.attributes.items()
        },
        "md5OfBody": hashlib.md5(message.body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:000000000000:queue",
        "awsRegion": REGION,
    }
