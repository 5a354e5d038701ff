"""A standard SQS queue that uses every freedom its documentation gives it, on a virtual clock.

Delivery is at least once and unordered: a received message may be received again while it is worked on, a deleted one
may be redelivered, the oldest may come last. Sources: SQS Developer Guide on visibility timeout, at-least-once
delivery and dead-letter queues (a message is moved at the receive after ``maxReceiveCount``; a standard queue keeps
its first enqueue time); API Reference of each call for limits and error codes.
"""

import random
from collections import Counter, deque
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

MAX_VISIBILITY_SECONDS = 43_200
MAX_DELAY_SECONDS = 900
MAX_IN_FLIGHT = 120_000
MAX_RECEIVE = 10


class Clock:
    """Virtual time in seconds: starts at 0 and passes only by :meth:`advance`."""

    def __init__(self) -> None:
        self.now = 0.0

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        if seconds < 0:
            raise ValueError(f"advance({seconds}): time does not go back")
        self.now += seconds


class SqsError(Exception):
    """A call that SQS refuses. ``code`` is the error code of the API Reference."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code


@dataclass(frozen=True)
class DeliveryFaults:
    """How often, from 0 to 1, the queue deviates from ideal delivery, within its contract."""

    duplicate: float = 0.0  #: a received message stays visible and may be received again
    undelete: float = 0.0  #: a delete is lost: the message is visible again when its visibility timeout ends
    reorder: float = 0.0  #: the next message is a random one, not the oldest
    delay: float = 0.0  #: a sent message becomes visible only after up to ``delay_seconds``
    delay_seconds: float = 0.0


NO_FAULTS = DeliveryFaults()


@dataclass(eq=False)
class Message:
    """A stored message. ``handle`` is its latest receipt handle, the only one that deletes it."""

    message_id: str
    body: str
    attributes: dict[str, dict[str, str]]
    sent_at: float
    visible_at: float
    receive_count: int = 0
    first_received_at: float | None = None
    handle: str | None = None
    received_at: float = 0.0
    deleted: bool = False


@dataclass(frozen=True)
class Received:
    """A message as a receive call returns it."""

    message_id: str
    receipt_handle: str
    body: str
    attributes: dict[str, dict[str, str]]
    receive_count: int
    sent_at: float
    first_received_at: float


@dataclass
class Queue:
    """A standard queue. Times are seconds of the clock; ``dead_letters`` is its dead-letter queue, if any."""

    name: str
    clock: Clock
    visibility_timeout: float = 30.0
    retention: float = 345_600.0
    dead_letters: "Queue | None" = None
    max_receive_count: int = 5
    faults: DeliveryFaults = NO_FAULTS
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._ready: deque[Message] = deque()
        self._later: list[tuple[float, int, Message]] = []
        self._by_handle: dict[str, Message] = {}
        self._order = count()

    @property
    def url(self) -> str:
        """The queue's url."""
        return f"https://sqs.chaos/{self.name}"

    def send(self, body: str, attributes: dict[str, dict[str, str]] | None = None, delay: float = 0.0) -> str:
        """Store a message and return its id."""
        if not 0 <= delay <= MAX_DELAY_SECONDS:
            raise SqsError("InvalidParameterValue", f"DelaySeconds={delay} must be 0 to {MAX_DELAY_SECONDS}")
        now = self.clock.now
        if self.rng.random() < self.faults.delay:
            delay += self.rng.uniform(0, self.faults.delay_seconds)
            self.counts["delayed"] += 1
        message = Message(f"{self.name}-{next(self._order)}", body, attributes or {}, now, now + delay)
        self._hide(message)
        self.counts["sent"] += 1
        return message.message_id

    def receive(self, number: int) -> list[Received]:
        """Return at most ``number`` visible messages, and make each invisible for the visibility timeout."""
        if not 1 <= number <= MAX_RECEIVE:
            raise SqsError("ReadCountOutOfRange", f"MaxNumberOfMessages={number} must be 1 to {MAX_RECEIVE}")
        if self.in_flight() >= MAX_IN_FLIGHT:
            raise SqsError("OverLimit", f"{MAX_IN_FLIGHT} messages are in flight")
        self._make_visible()
        taken: list[Received] = []
        while self._ready and len(taken) < number:
            if self.rng.random() < self.faults.reorder:
                self._ready.rotate(-self.rng.randrange(len(self._ready)))
                self.counts["reordered"] += 1
            message = self._ready.popleft()
            if message.deleted:
                continue
            if self.clock.now - message.sent_at >= self.retention:
                self._remove(message)
                self.counts["expired"] += 1
            elif self.dead_letters is not None and message.receive_count >= self.max_receive_count:
                self._move(message, self.dead_letters)
            else:
                taken.append(self._deliver(message))
        return taken

    def delete(self, receipt_handle: str) -> None:
        """Delete the message. An old receipt handle succeeds and deletes nothing."""
        message = self._of(receipt_handle)
        if message is None or message.handle != receipt_handle:
            return
        if self.rng.random() < self.faults.undelete:
            self.counts["undeleted"] += 1
            return
        self._remove(message)
        self.counts["deleted"] += 1

    def change_visibility(self, receipt_handle: str, seconds: float) -> None:
        """Make a message in flight visible in ``seconds`` from now."""
        if not 0 <= seconds <= MAX_VISIBILITY_SECONDS:
            raise SqsError("InvalidParameterValue", f"VisibilityTimeout={seconds}: 0 to {MAX_VISIBILITY_SECONDS}")
        message = self._of(receipt_handle)
        if message is None or message.handle != receipt_handle:
            raise SqsError("ReceiptHandleIsInvalid", f"{receipt_handle!r} is not a message's latest receipt handle")
        now = self.clock.now
        if message.visible_at <= now:
            raise SqsError("MessageNotInflight", f"{message.message_id} is not in flight")
        if now + seconds - message.received_at > MAX_VISIBILITY_SECONDS:
            raise SqsError("InvalidParameterValue", "total VisibilityTimeout is beyond 12 hours since the receive")
        message.visible_at = now + seconds
        self._hide(message)

    def visible(self) -> int:
        """Return the number of messages that a receive call could get now."""
        self._make_visible()
        return sum(not message.deleted for message in self._ready)

    def in_flight(self) -> int:
        """Return the number of messages received and neither deleted nor visible again."""
        return sum(message.visible_at > self.clock.now for message in self._by_handle.values())

    def size(self) -> int:
        """Return the number of stored messages, visible or not."""
        hidden = {id(message) for _, _, message in self._later if not message.deleted}
        return len(hidden | {id(message) for message in self._ready if not message.deleted})

    def next_visible_in(self) -> float | None:
        """Return the seconds until a message becomes visible: 0 when one is, None when the queue is empty."""
        if self.visible():
            return 0.0
        times = [at for at, _, message in self._later if not message.deleted and message.visible_at == at]
        return min(times) - self.clock.now if times else None

    def _of(self, receipt_handle: str) -> Message | None:
        return self._by_handle.get(receipt_handle.partition("#")[0])

    def _hide(self, message: Message) -> None:
        heappush(self._later, (message.visible_at, next(self._order), message))

    def _make_visible(self) -> None:
        while self._later and self._later[0][0] <= self.clock.now:
            at, _, message = heappop(self._later)
            # An entry with another time than its message is outdated by a change of visibility.
            if not message.deleted and at == message.visible_at:
                self._ready.append(message)

    def _deliver(self, message: Message) -> Received:
        now = self.clock.now
        message.receive_count += 1
        message.received_at = now
        message.first_received_at = now if message.first_received_at is None else message.first_received_at
        message.handle = f"{message.message_id}#{message.receive_count}"
        self._by_handle[message.message_id] = message
        if self.rng.random() < self.faults.duplicate:
            message.visible_at = now
            self.counts["duplicated"] += 1
        else:
            message.visible_at = now + self.visibility_timeout
        self._hide(message)
        self.counts["received"] += 1
        return Received(
            message.message_id,
            message.handle,
            message.body,
            message.attributes,
            message.receive_count,
            message.sent_at,
            message.first_received_at,
        )

    def _move(self, message: Message, target: "Queue") -> None:
        self._remove(message)
        moved = Message(message.message_id, message.body, message.attributes, message.sent_at, self.clock.now)
        if target.rng.random() < target.faults.delay:
            moved.visible_at += target.rng.uniform(0, target.faults.delay_seconds)
            target.counts["delayed"] += 1
        target._hide(moved)
        self.counts["dead_lettered"] += 1

    def _remove(self, message: Message) -> None:
        message.deleted = True
        self._by_handle.pop(message.message_id, None)
