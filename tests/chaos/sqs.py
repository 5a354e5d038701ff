"""A standard SQS queue as its documentation says it may behave, not as it mostly does.

At least once, in no order: a received message may be received again while it is being worked on, a deleted one may come
back, the oldest may come last. Sources: the SQS developer guide on visibility timeout, dead-letter queues (the message is
moved when it is received once more than ``maxReceiveCount``; a standard queue keeps its first enqueue time) and at-least-once
delivery; the API reference of each call for its limits and error codes.
"""

import random
from collections import Counter, deque
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

from tests.chaos.clock import Clock

MAX_VISIBILITY_SECONDS = 43_200
MAX_DELAY_SECONDS = 900
MAX_IN_FLIGHT = 120_000
MAX_RECEIVE = 10


class SqsError(Exception):
    """What SQS answers to a call that it refuses; ``code`` is the error code of the API reference."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code


@dataclass(frozen=True)
class Mischief:
    """How often, from 0 to 1, the queue uses a liberty that its contract gives it."""

    duplicate: float = 0.0  #: a received message stays visible, and somebody else may receive it too
    resurrect: float = 0.0  #: a delete is forgotten: the message comes back when its visibility timeout ends
    reorder: float = 0.0  #: the next message is any one, not the oldest
    linger: float = 0.0  #: a sent message becomes visible only after ``linger_seconds`` (uniform up to that)
    linger_seconds: float = 0.0


CALM = Mischief()


@dataclass(eq=False)
class Message:
    """One stored message. ``handle`` is the latest receipt handle; an older one no longer deletes it for sure."""

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
    """A message as one receive call hands it over."""

    message_id: str
    receipt_handle: str
    body: str
    attributes: dict[str, dict[str, str]]
    receive_count: int
    sent_at: float
    first_received_at: float


@dataclass
class Queue:
    """A standard queue. Times are the clock's seconds; ``dead_letters`` is its dead-letter queue, if it has one."""

    name: str
    clock: Clock
    visibility_timeout: float = 30.0
    retention: float = 345_600.0
    dead_letters: "Queue | None" = None
    max_receive_count: int = 5
    mischief: Mischief = CALM
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._ready: deque[Message] = deque()
        self._later: list[tuple[float, int, Message]] = []
        self._by_handle: dict[str, Message] = {}
        self._order = count()

    @property
    def url(self) -> str:
        """What a client calls it by."""
        return f"https://sqs.chaos/{self.name}"

    def send(self, body: str, attributes: dict[str, dict[str, str]] | None = None, delay: float = 0.0) -> str:
        """Stores a message; returns its id."""
        if not 0 <= delay <= MAX_DELAY_SECONDS:
            raise SqsError("InvalidParameterValue", f"DelaySeconds={delay} must be 0 to {MAX_DELAY_SECONDS}")
        now = self.clock.now
        if self.rng.random() < self.mischief.linger:
            delay += self.rng.uniform(0, self.mischief.linger_seconds)
            self.counts["lingered"] += 1
        message = Message(f"{self.name}-{next(self._order)}", body, attributes or {}, now, now + delay)
        self._hide(message)
        self.counts["sent"] += 1
        return message.message_id

    def receive(self, number: int) -> list[Received]:
        """At most ``number`` visible messages, each now invisible for the visibility timeout."""
        if not 1 <= number <= MAX_RECEIVE:
            raise SqsError("ReadCountOutOfRange", f"MaxNumberOfMessages={number} must be 1 to {MAX_RECEIVE}")
        if self.in_flight() >= MAX_IN_FLIGHT:
            raise SqsError("OverLimit", f"{MAX_IN_FLIGHT} messages are in flight")
        self._surface()
        taken: list[Received] = []
        while self._ready and len(taken) < number:
            if self.rng.random() < self.mischief.reorder:
                self._ready.rotate(-self.rng.randrange(len(self._ready)))
                self.counts["reordered"] += 1
            message = self._ready.popleft()
            if message.deleted:
                continue
            if self.clock.now - message.sent_at >= self.retention:
                self._forget(message)
                self.counts["expired"] += 1
            elif self.dead_letters is not None and message.receive_count >= self.max_receive_count:
                self._move(message, self.dead_letters)
            else:
                taken.append(self._hand_over(message))
        return taken

    def delete(self, receipt_handle: str) -> None:
        """Deletes the message, when ``receipt_handle`` is its latest; an old one succeeds and deletes nothing."""
        message = self._of(receipt_handle)
        if message is None or message.handle != receipt_handle:
            return
        if self.rng.random() < self.mischief.resurrect:
            self.counts["resurrected"] += 1
            return
        self._forget(message)
        self.counts["deleted"] += 1

    def change_visibility(self, receipt_handle: str, seconds: float) -> None:
        """Makes a message in flight visible again in ``seconds`` from now."""
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
        """Messages that a receive call could get now."""
        self._surface()
        return sum(not message.deleted for message in self._ready)

    def in_flight(self) -> int:
        """Messages received and neither deleted nor visible again."""
        return sum(message.visible_at > self.clock.now for message in self._by_handle.values())

    def size(self) -> int:
        """Messages stored, visible or not."""
        hidden = {id(message) for _, _, message in self._later if not message.deleted}
        return len(hidden | {id(message) for message in self._ready if not message.deleted})

    def next_visible_in(self) -> float | None:
        """Seconds until a message becomes visible: 0 when one is, None when the queue is empty."""
        if self.visible():
            return 0.0
        times = [at for at, _, message in self._later if not message.deleted and message.visible_at == at]
        return min(times) - self.clock.now if times else None

    def _of(self, receipt_handle: str) -> Message | None:
        return self._by_handle.get(receipt_handle.partition("#")[0])

    def _hide(self, message: Message) -> None:
        heappush(self._later, (message.visible_at, next(self._order), message))

    def _surface(self) -> None:
        while self._later and self._later[0][0] <= self.clock.now:
            at, _, message = heappop(self._later)
            # An entry whose time is not the message's any more was overtaken by a change of visibility.
            if not message.deleted and at == message.visible_at:
                self._ready.append(message)

    def _hand_over(self, message: Message) -> Received:
        now = self.clock.now
        message.receive_count += 1
        message.received_at = now
        message.first_received_at = now if message.first_received_at is None else message.first_received_at
        message.handle = f"{message.message_id}#{message.receive_count}"
        self._by_handle[message.message_id] = message
        if self.rng.random() < self.mischief.duplicate:
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
        self._forget(message)
        moved = Message(message.message_id, message.body, message.attributes, message.sent_at, self.clock.now)
        if target.rng.random() < target.mischief.linger:
            moved.visible_at += target.rng.uniform(0, target.mischief.linger_seconds)
            target.counts["lingered"] += 1
        target._hide(moved)
        self.counts["dead_lettered"] += 1

    def _forget(self, message: Message) -> None:
        message.deleted = True
        self._by_handle.pop(message.message_id, None)
