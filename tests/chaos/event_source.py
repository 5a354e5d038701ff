"""Lambda's event source mapping on a queue: it receives batches, and deletes what the function's answer does not want again.

An invocation that never answers (crash, timeout, killed) leaves its messages invisible until their visibility timeout
ends; so does an answer that asks for them again. Sources: the Lambda developer guide on SQS event source mappings (batch size,
maximum concurrency, partial batch responses, the event's shape).
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.partial_batch import failed_items
from tests.chaos.sqs import MAX_RECEIVE, Queue, Received

REGION = "eu-west-1"


@dataclass(frozen=True)
class Batch:
    """Messages handed to one invocation."""

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
        """The next batch; None when nothing is visible or as many as may run already do."""
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
        """The function returned ``answer``."""
        self.running -= 1
        again: frozenset[str] | None = frozenset()
        if self.report_batch_item_failures:
            again = failed_items(answer, [message.message_id for message in batch.messages])
        if again is None:
            self.counts["whole batches refused"] += 1
            return
        for message in batch.messages:
            if message.message_id not in again:
                self.queue.delete(message.receipt_handle)
        self.counts["asked for again"] += len(again)

    def failed(self) -> None:
        """The invocation raised, timed out or died: nothing is deleted."""
        self.running -= 1
        self.counts["failed batches"] += 1


def as_record(message: Received) -> dict[str, Any]:
    """One message as a record of Lambda's event."""
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
