"""The two batch calls that the product makes of SQS, with the API reference's limits and partial failures."""

import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.sqs import Queue, SqsError

MAX_ENTRIES = 10
MAX_BYTES = 1_048_576
ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


@dataclass(frozen=True)
class CallFaults:
    """How often, from 0 to 1, a call or one of its entries fails."""

    entry_fails: float = 0.0  #: one entry is refused, the others are accepted
    call_fails: float = 0.0  #: nothing is accepted, and the caller gets an error
    answer_lost: float = 0.0  #: everything is accepted, and the caller gets an error nevertheless
    corrupt: float = 0.0  #: the body of an entry is stored truncated


@dataclass
class Client:
    """A replacement for boto3's SQS client. ``archive`` has what was really stored: (message id, entry)."""

    queues: Mapping[str, Queue]
    faults: CallFaults = CallFaults()
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    counts: Counter[str] = field(default_factory=Counter)
    archive: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """SendMessageBatch."""
        queue = self._queue(QueueUrl)
        if sum(len(entry["MessageBody"].encode()) for entry in Entries) > MAX_BYTES:
            raise SqsError("AWS.SimpleQueueService.BatchRequestTooLong", f"more than {MAX_BYTES} bytes")

        def send(entry: Mapping[str, Any]) -> dict[str, Any]:
            body = entry["MessageBody"]
            if self.rng.random() < self.faults.corrupt:
                self.counts["bodies truncated"] += 1
                body = body[:-1]
            message_id = queue.send(body, entry.get("MessageAttributes"), float(entry.get("DelaySeconds", 0)))
            self.archive.append((message_id, entry))
            return {"MessageId": message_id}

        return self._batch(Entries, send)

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """ChangeMessageVisibilityBatch."""
        queue = self._queue(QueueUrl)

        def change(entry: Mapping[str, Any]) -> dict[str, Any]:
            queue.change_visibility(entry["ReceiptHandle"], entry["VisibilityTimeout"])
            return {}

        return self._batch(Entries, change)

    def _batch(
        self, entries: Sequence[Mapping[str, Any]], do: Callable[[Mapping[str, Any]], dict[str, Any]]
    ) -> dict[str, Any]:
        _check(entries)
        if self.rng.random() < self.faults.call_fails:
            self.counts["calls failed"] += 1
            raise SqsError("ServiceUnavailable", "try again")
        successful: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for entry in entries:
            if self.rng.random() < self.faults.entry_fails:
                self.counts["entries failed"] += 1
                failed.append({"Id": entry["Id"], "Code": "InternalError", "SenderFault": False})
                continue
            try:
                successful.append({"Id": entry["Id"], **do(entry)})
            except SqsError as error:
                failed.append({"Id": entry["Id"], "Code": error.code, "SenderFault": True, "Message": str(error)})
        if self.rng.random() < self.faults.answer_lost:
            self.counts["answers lost"] += 1
            raise SqsError("RequestTimeout", "the answer was lost")
        return {"Successful": successful, **({"Failed": failed} if failed else {})}

    def _queue(self, url: str) -> Queue:
        if url not in self.queues:
            raise SqsError("AWS.SimpleQueueService.NonExistentQueue", f"there is no queue {url!r}")
        return self.queues[url]


def _check(entries: Sequence[Mapping[str, Any]]) -> None:
    if not entries:
        raise SqsError("AWS.SimpleQueueService.EmptyBatchRequest", "a batch needs an entry")
    if len(entries) > MAX_ENTRIES:
        raise SqsError("AWS.SimpleQueueService.TooManyEntriesInBatchRequest", f"{len(entries)} entries, at most 10")
    ids = [entry["Id"] for entry in entries]
    if len(set(ids)) < len(ids):
        raise SqsError("AWS.SimpleQueueService.BatchEntryIdsNotDistinct", f"{ids}")
    for name in ids:
        if not ENTRY_ID.fullmatch(name):
            raise SqsError("AWS.SimpleQueueService.InvalidBatchEntryId", f"{name!r}")
