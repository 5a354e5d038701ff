"""A batch of messages: start the live ones, return the unusable ones to the queue, and work until nothing is left to do.

A message is returned to the queue only if its work could not be started (malformed body, no database, no time left).
After the start the result is saved in Postgres, and the message is acknowledged whatever the result.

While slots are free and time is left, the invocation pulls more work from the database (:mod:`scrapersky.runtime.puller`).
So a message only wakes the function up: an invocation whose messages are all stale pulls as well. A batch never sends
messages, because Lambda stops a function that wakes itself through SQS.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from typing import Any

from scrapersky.runtime.invocation import Invocation
from scrapersky.runtime.messages import Delivery, MalformedMessage, parse_message
from scrapersky.runtime.puller import Puller
from scrapersky.runtime.runtime import Runtime
from scrapersky.runtime.work import Work
from scrapersky.status.pull import find_missed
from scrapersky.status.start import Started, start
from scrapersky.vocabulary import AttemptId

MOST_DOUBLINGS = 5
"""How often the wait of a message that returns to the queue doubles."""

MAX_VISIBILITY_SECONDS = 43_200
"""The longest wait that SQS allows."""


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
        return {"batchItemFailures": _return_to_queue(runtime, deliveries)}
    try:
        with runtime.database.autocommit():
            pass  # what fails from here on may have started attempts
    except Exception:
        runtime.observer.log.exception("could not reach the database; returning all messages to the queue")
        return {"batchItemFailures": _return_to_queue(runtime, deliveries)}
    async with Work(runtime, invocation) as work:
        puller = Puller(runtime, invocation, work, by_attempt)
        # At once: this invocation may go on for minutes, or wait for the database.
        answer = _return_to_queue(runtime, malformed)
        pulled_before = 0
        try:
            await puller.begin(_start(runtime, by_attempt.keys(), invocation))
            pulled_before, locked = _sort_missed(runtime, by_attempt, by_attempt.keys() - work.begun)
        except Exception:
            runtime.observer.log.exception("could not begin with the messages; looking for what was started")
            await puller.take_up()
            locked = by_attempt.keys() - work.begun
        started = len(work.begun)
        answer += _return_to_queue(runtime, [by_attempt[attempt_id] for attempt_id in sorted(locked)])
        await _work_and_pull(work, puller)
    runtime.observer.line(
        "batch",
        {
            "received": len(deliveries),
            "started": started,
            "stale": len(by_attempt) - started - len(locked) - pulled_before,
            "pulled_before": pulled_before,
            "again": len(answer),
            "pulled": work.worked.number - started,
            "outcomes": work.worked.outcomes,
        },
    )
    return {"batchItemFailures": answer}


async def _work_and_pull(work: Work, puller: Puller) -> None:
    """Work on what was begun, and on what can be pulled when slots are free, until no job runs and no work is found."""
    while True:
        await puller.pull()
        if not work.tasks:
            return
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


def _start(runtime: Runtime, attempt_ids: Collection[AttemptId], invocation: Invocation) -> list[Started]:
    with runtime.database.autocommit() as connection:
        return start(
            connection,
            list(attempt_ids),
            lease=invocation.remaining() + runtime.settings.start_lease_margin_seconds,
            worker=invocation.worker,
            request_id=invocation.request_id,
        )


def _sort_missed(
    runtime: Runtime, by_attempt: Mapping[AttemptId, Delivery], missed: Set[AttemptId]
) -> tuple[int, Set[AttemptId]]:
    """Return how many of ``missed`` a worker pulled before, and which others hold; log those that are stale."""
    if not missed:
        return 0, missed
    with runtime.database.autocommit() as connection:
        found = find_missed(connection, missed)
    for attempt_id in sorted(missed - found.keys()):
        runtime.observer.log.info(
            "stale delivery", extra={"attempt_id": attempt_id, "receive_count": by_attempt[attempt_id].receive_count}
        )
    return sum(found.values()), {attempt_id for attempt_id, pulled in found.items() if not pulled}


def _return_to_queue(runtime: Runtime, deliveries: Sequence[Delivery]) -> list[dict[str, str]]:
    """Return the deliveries as failed items for Lambda, and shorten their wait, else six function timeouts.

    The wait doubles with each receive, so that a message outlives a database that is away for some minutes.
    """
    settings = runtime.settings
    for receive_count in sorted({delivery.receive_count for delivery in deliveries}):
        handles = [one.receipt_handle for one in deliveries if one.receive_count == receive_count]
        times = 2 ** min(receive_count - 1, MOST_DOUBLINGS)
        shortest, longest = (
            min(times * seconds, MAX_VISIBILITY_SECONDS)
            for seconds in (settings.redelivery_min_seconds, settings.redelivery_max_seconds)
        )
        try:
            runtime.queue.return_to_queue(handles, shortest, longest)
        except Exception:
            runtime.observer.log.exception(
                "could not shorten the visibility timeout; SQS redelivers when the full timeout ends"
            )
    return [{"itemIdentifier": delivery.message_id} for delivery in deliveries]
