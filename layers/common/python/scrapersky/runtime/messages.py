"""SQS messages: what is sent, what is received, and the queue.

A message names a workflow and an attempt; all data is in Postgres. Only this module of the runtime calls AWS.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scrapersky import aws
from scrapersky.status.claim import Claimed
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptId

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import (
        ChangeMessageVisibilityBatchRequestEntryTypeDef,
        SendMessageBatchRequestEntryTypeDef,
    )

SQS_BATCH = 10
"""Maximum number of entries in one SQS batch call."""

MESSAGES_PER_INVOCATION = 10
"""SQS batch size of the event source mapping. A message is only a wake-up, and the invocation pulls the rest of its work."""

T = TypeVar("T")


class Message(BaseModel):
    """Permission to work on one attempt, if it is still live when the message arrives."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    v: Literal[1] = 1
    workflow: str
    attempt_id: AttemptId = Field(ge=1, le=2**63 - 1)


class MalformedMessage(ValueError):
    """The body is not a valid message. The text names the field and never repeats the body."""


def parse_message(body: str) -> Message:
    """Parse the body of a message. Raises :class:`MalformedMessage`."""
    try:
        return Message.model_validate_json(body)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}" for problem in error.errors()
        )
        raise MalformedMessage(problems) from None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One received message with its attributes."""

    message_id: str
    receipt_handle: str
    body: str
    receive_count: int
    correlation_id: str

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Delivery":
        """Read one record of Lambda's SQS event."""
        attributes = record.get("messageAttributes") or {}
        correlation = attributes.get("correlation_id") or {}
        return cls(
            message_id=record["messageId"],
            receipt_handle=record["receiptHandle"],
            body=record["body"],
            receive_count=int((record.get("attributes") or {}).get("ApproximateReceiveCount", 1)),
            correlation_id=correlation.get("stringValue") or record["messageId"],
        )


class MessageQueue:
    """The SQS queue of one service. ``client`` replaces boto3's, for tests."""

    def __init__(self, url: str, client: Any = None) -> None:
        self._url = url
        self._client = client

    @cached_property
    def _sqs(self) -> "SQSClient":
        if self._client is not None:
            return self._client  # type: ignore[no-any-return]
        return aws.client("sqs")  # type: ignore[no-any-return]

    def send(
        self, workflow: Workflow, claimed: Sequence[Claimed], correlation_id: str, has_time: Callable[[], bool]
    ) -> set[AttemptId]:
        """Send a message for each claimed record while ``has_time()``; return the attempt ids whose message was not sent.

        Raises the client's exception, or TimeoutError, if nothing was sent.
        """
        unsent: set[AttemptId] = set()
        for batch in _in_batches(claimed, SQS_BATCH):
            try:
                if not has_time():
                    raise TimeoutError("no time is left to send messages")
                answer = self._sqs.send_message_batch(
                    QueueUrl=self._url, Entries=[_entry(workflow, record, correlation_id) for record in batch]
                )
            except Exception:
                # Earlier calls have sent their messages: only the records of this call and later ones are unsent.
                unsent |= {record.attempt_id for record in claimed[claimed.index(batch[0]) :]}
                if len(unsent) == len(claimed):
                    raise
                return unsent
            unsent |= {AttemptId(int(failed["Id"])) for failed in answer.get("Failed", [])}
        return unsent

    def return_to_queue(self, receipt_handles: Sequence[str], shortest: int, longest: int) -> None:
        """Make received messages visible again, each after a random time of ``shortest`` to ``longest`` seconds."""
        for handles in _in_batches(receipt_handles, SQS_BATCH):
            entries: list[ChangeMessageVisibilityBatchRequestEntryTypeDef] = [
                {"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": random.randint(shortest, longest)}  # noqa: S311
                for n, handle in enumerate(handles)
            ]
            self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)


def _entry(workflow: Workflow, claimed: Claimed, correlation_id: str) -> "SendMessageBatchRequestEntryTypeDef":
    message = Message(workflow=workflow.name, attempt_id=claimed.attempt_id)
    return {
        "Id": str(claimed.attempt_id),
        "MessageBody": message.model_dump_json(),
        # Repeated outside of the body, so that the dead-letter function can attribute a message with a broken body.
        "MessageAttributes": {
            "attempt_id": {"DataType": "Number", "StringValue": str(claimed.attempt_id)},
            "correlation_id": {"DataType": "String", "StringValue": correlation_id},
        },
    }


def _in_batches(items: Sequence[T], size: int) -> Iterator[list[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
