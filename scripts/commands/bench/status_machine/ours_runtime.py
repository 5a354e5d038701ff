"""Ours, the whole runtime: ticks that claim and send messages, and batches delivered to the handler as Lambda does.

Only SQS is missing: messages go through a list. Log lines are formatted and discarded.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from scrapersky.models import Domain
from scrapersky.runtime import tick
from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.batch import work_on
from scrapersky.runtime.messages import Message
from scrapersky.runtime.outcomes import Done, Outcome
from scrapersky.runtime.registry import DOMAIN_SCHEDULER, METADATA
from scrapersky.runtime.runtime import Runtime
from scrapersky.status.claim import Claimed
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptId
from scripts.commands.bench.status_machine import ours

prepare = ours.prepare
claims = ours.claims
done = ours.done


@dataclass
class Messages:
    """Takes the place of SQS: the messages that are sent and not yet delivered."""

    waiting: list[dict[str, Any]] = field(default_factory=list)

    def send(self, workflow: Workflow, claimed: Sequence[Claimed], correlation_id: str, has_time: object) -> set[int]:  # noqa: ARG002
        """Accept every message."""
        self.waiting += [record(workflow.name, one.attempt_id, correlation_id) for one in claimed]
        return set()

    def return_to_queue(self, receipt_handles: Sequence[str], shortest: int, longest: int) -> None:  # noqa: ARG002
        """Fail: a batch that could not start means that the benchmark is broken."""
        raise AssertionError(f"{len(receipt_handles)} messages could not be started")


@dataclass
class Invocation:
    """The Lambda context."""

    aws_request_id: str = "bench"
    function_name: str = "domain-scheduler"
    function_version: str = "1"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:000000000000:function:bench"

    def get_remaining_time_in_millis(self) -> int:
        """Return three minutes, always."""
        return 180_000


def record(workflow: str, attempt_id: AttemptId, correlation_id: str = "bench") -> dict[str, Any]:
    """Return a message as the event source mapping delivers it."""
    return {
        "messageId": str(attempt_id),
        "receiptHandle": str(attempt_id),
        "body": Message(workflow=workflow, attempt_id=attempt_id).model_dump_json(),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {"correlation_id": {"stringValue": correlation_id, "dataType": "String"}},
    }


def work(url: str, batch: int, go: Callable[[], None]) -> list[int]:
    """Tick and deliver the messages until a tick claims nothing; return the records worked on."""
    worked: list[int] = []

    async def nothing(domain: Domain, _: Any) -> Outcome:
        worked.append(domain.id)
        await asyncio.sleep(0)
        return Done("done")

    messages = Messages()
    environment = {
        "DATABASE_URL": url,
        "STAGE": "bench",
        "DOMAIN_SCHEDULER_MAX_IN_FLIGHT": "1000000",
        "DOMAIN_SCHEDULER_RECORDS_AT_ONCE": str(batch),
    }
    runtime: Runtime = BackgroundService(DOMAIN_SCHEDULER, {METADATA: nothing}, environment).runtime
    runtime = replace(runtime, queue=messages)  # type: ignore[arg-type]
    with runtime.database.autocommit():
        go()
    while True:
        tick.tick(runtime, "bench")
        if not messages.waiting:
            return worked
        while messages.waiting:
            delivered, messages.waiting = messages.waiting[:batch], messages.waiting[batch:]
            work_on(runtime, delivered, Invocation())
        runtime.observer.flush()
