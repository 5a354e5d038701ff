"""The service's queue: sends messages, and decides when one that could not be started comes again. The only boto3 here."""

import random
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from scrapersky.runtime.messages import Message
from scrapersky.status.claim import Claimed
from scrapersky.status.workflow import Workflow

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import (
        ChangeMessageVisibilityBatchRequestEntryTypeDef,
        SendMessageBatchRequestEntryTypeDef,
    )

SQS_BATCH = 10
"""Entries in one SQS batch call, at most."""

T = TypeVar("T")


class MessageQueue:
    """SQS, behind two verbs. The client is made on first use: most cold starts do not need it."""

    def __init__(self, url: str) -> None:
        self._url = url

    @cached_property
    def _sqs(self) -> "SQSClient":
        import boto3  # noqa: PLC0415 - costs 0.3 s, and only ticks and refusals send

        return boto3.client("sqs")

    def send(self, workflow: Workflow, claimed: Sequence[Claimed], correlation_id: str) -> set[int]:
        """Sends a message for each; returns the attempts whose message SQS did not take."""
        unsent: set[int] = set()
        for held in _in_batches(claimed, SQS_BATCH):
            try:
                answer = self._sqs.send_message_batch(
                    QueueUrl=self._url, Entries=[_entry(workflow, one, correlation_id) for one in held]
                )
            except Exception:
                # What an earlier call sent is under way: only this call's and the later ones' records go back.
                unsent |= {one.attempt_id for one in claimed[claimed.index(held[0]) :]}
                if len(unsent) == len(claimed):
                    raise
                return unsent
            unsent |= {int(failed["Id"]) for failed in answer.get("Failed", [])}
        return unsent

    def return_to_queue(self, receipt_handles: Sequence[str], shortest: int, longest: int) -> None:
        """Makes received messages visible again in a random ``shortest`` … ``longest`` seconds, each its own."""
        for handles in _in_batches(receipt_handles, SQS_BATCH):
            entries: list[ChangeMessageVisibilityBatchRequestEntryTypeDef] = [
                {"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": random.randint(shortest, longest)}  # noqa: S311
                for n, handle in enumerate(handles)
            ]
            self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)


def _entry(workflow: Workflow, held: Claimed, correlation_id: str) -> "SendMessageBatchRequestEntryTypeDef":
    message = Message(workflow=workflow.name, attempt_id=held.attempt_id)
    return {
        "Id": str(held.attempt_id),
        "MessageBody": message.model_dump_json(),
        # Beside the body, so that the dead-letter function can name the attempt of a message whose body is broken.
        "MessageAttributes": {
            "attempt_id": {"DataType": "Number", "StringValue": str(held.attempt_id)},
            "correlation_id": {"DataType": "String", "StringValue": correlation_id},
        },
    }


def _in_batches(items: Sequence[T], size: int) -> Iterator[list[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
