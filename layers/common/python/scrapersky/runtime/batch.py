"""A batch of messages: start the live ones, return the unusable ones to the queue, and work until nothing is left to do.

A message is returned to the queue only if its work could not be started (malformed body, no database, no time left).
After the start the result is saved in Postgres, and the message is acknowledged whatever the result.

While slots are free and time is left, the invocation pulls more work from the database (:mod:`scrapersky.runtime.puller`).
So a message only wakes the function up: an invocation whose messages are all stale pulls as well. A batch never sends
messages, because Lambda stops a function that wakes itself through SQS.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from scrapersky.runtime.invocation import Invocation
from scrapersky.runtime.messages import Delivery, MalformedMessage, parse_message
from scrapersky.runtime.puller import Puller
from scrapersky.runtime.runtime import Runtime
from scrapersky.runtime.work import Work, Worked
from scrapersky.status.pull import find_pulled
from scrapersky.status.start import Started, start
from scrapersky.vocabulary import AttemptId


def work_on(runtime: Runtime, records: Sequence[Mapping[str, Any]], context: Any) -> dict[str, Any]:
    """Work on every message; return Lambda's partial batch response, which lists the messages to redeliver."""
    return asyncio.run(work_on_batch(runtime, records, context))


async def work_on_batch(runtime: Runtime, records: Sequence[Mapping[str, Any]], context: Any) -> dict[str, Any]:
    """Do what :func:`work_on` does, in an event loop that is running."""
    invocation = Invocation.of(context)
    deliveries = [Delivery.of(record) for record in records]
    by_attempt, malformed = _parse(runtime, deliveries)
    remaining = invocation.remaining()
    if remaining < runtime.settings.start_minimum_seconds:
        runtime.observer.log.warning(
            "too little time left; returning all messages to the queue",
            extra={"remaining_seconds": remaining, "messages": len(by_attempt)},
        )
        return _return_to_queue(runtime, deliveries)
    try:
        started, pulled_before = _start(runtime, by_attempt, invocation)
    except Exception:
        runtime.observer.log.exception("could not reach the database; returning all messages to the queue")
        return _return_to_queue(runtime, deliveries)
    answer = _return_to_queue(runtime, malformed)  # at once: this invocation may go on for minutes
    worked = await _work_and_pull(runtime, invocation, started)
    runtime.observer.line(
        "batch",
        {
            "received": len(deliveries),
            "started": len(started),
            "stale": len(by_attempt) - len(started) - pulled_before,
            "pulled_before": pulled_before,
            "again": len(malformed),
            "pulled": worked.number - len(started),
            "outcomes": worked.outcomes,
        },
    )
    return answer


async def _work_and_pull(runtime: Runtime, invocation: Invocation, started: Sequence[Started]) -> Worked:
    """Work on ``started``, and on what can be pulled whenever slots are free, until no job runs and no work is found."""
    async with Work(runtime, invocation) as work:
        puller = Puller(runtime, invocation, work)
        await work.begin(started)
        while True:
            await puller.pull()
            if not work.tasks:
                return work.worked
            await asyncio.wait(work.tasks, timeout=puller.seconds_to_next, return_when=asyncio.FIRST_COMPLETED)


def _parse(runtime: Runtime, deliveries: Iterable[Delivery]) -> tuple[dict[AttemptId, Delivery], list[Delivery]]:
    """Return the deliveries by attempt id, and those whose message is malformed."""
    by_attempt: dict[AttemptId, Delivery] = {}
    malformed: list[Delivery] = []
    for delivery in deliveries:
        try:
            message = parse_message(delivery.body)
            runtime.workflow(message.workflow)
        except (MalformedMessage, KeyError) as error:
            runtime.observer.log.error(
                "malformed message",
                extra={"message_id": delivery.message_id, "error": str(error), "receive_count": delivery.receive_count},
            )
            malformed.append(delivery)
        else:
            by_attempt[message.attempt_id] = delivery
    return by_attempt, malformed


def _start(
    runtime: Runtime, by_attempt: Mapping[AttemptId, Delivery], invocation: Invocation
) -> tuple[list[Started], int]:
    """Start the live attempts, and log those that are stale; return also how many were pulled before their message."""
    with runtime.database.autocommit() as connection:
        live = start(
            connection,
            list(by_attempt),
            lease=invocation.remaining() + runtime.settings.start_lease_margin_seconds,
            worker=invocation.worker,
            request_id=invocation.request_id,
        )
        not_live = by_attempt.keys() - {attempt.attempt_id for attempt in live}
        pulled = find_pulled(connection, not_live) if not_live else set()
    for attempt_id in sorted(not_live - pulled):
        runtime.observer.log.info(
            "stale delivery", extra={"attempt_id": attempt_id, "receive_count": by_attempt[attempt_id].receive_count}
        )
    return [_with_delivery(attempt, by_attempt[attempt.attempt_id]) for attempt in live], len(pulled)


def _with_delivery(attempt: Started, delivery: Delivery) -> Started:
    return replace(attempt, receive_count=delivery.receive_count, correlation_id=delivery.correlation_id)


def _return_to_queue(runtime: Runtime, deliveries: Sequence[Delivery]) -> dict[str, Any]:
    """Report the deliveries to Lambda as failed and shorten their wait, which would else be six function timeouts."""
    if deliveries:
        try:
            runtime.queue.return_to_queue(
                [delivery.receipt_handle for delivery in deliveries],
                runtime.settings.redelivery_min_seconds,
                runtime.settings.redelivery_max_seconds,
            )
        except Exception:
            runtime.observer.log.exception(
                "could not shorten the visibility timeout; SQS redelivers when the full timeout ends"
            )
    return {"batchItemFailures": [{"itemIdentifier": delivery.message_id} for delivery in deliveries]}
