"""A batch of messages: start the live ones in one statement, work on all of them, return the rest to the queue.

A message is returned to the queue only if its work could not be started (malformed body, no database, no time left).
After the start the result is saved in Postgres, and the message is acknowledged whatever the result.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from scrapersky import metrics
from scrapersky.runtime.messages import Delivery, MalformedMessage, parse_message
from scrapersky.runtime.runtime import Runtime
from scrapersky.runtime.work import work_on_started
from scrapersky.status.start import Started, start
from scrapersky.vocabulary import AttemptId


def work_on(runtime: Runtime, records: Sequence[Mapping[str, Any]], context: Any) -> dict[str, Any]:
    """Work on every message; return Lambda's partial batch response, which lists the messages to redeliver."""
    deliveries = [Delivery.of(record) for record in records]
    by_attempt, malformed = _parse(runtime, deliveries)
    remaining = context.get_remaining_time_in_millis() / 1000
    if remaining < runtime.settings.start_minimum_seconds:
        runtime.observer.log.warning(
            "too little time left; returning all messages to the queue",
            extra={"remaining_seconds": remaining, "messages": len(by_attempt)},
        )
        return _return_to_queue(runtime, deliveries)
    try:
        started = _start(runtime, by_attempt, remaining, context)
    except Exception:
        runtime.observer.log.exception("could not reach the database; returning all messages to the queue")
        return _return_to_queue(runtime, deliveries)
    outcomes = work_on_started(runtime, started, remaining)
    runtime.observer.line(
        "batch",
        {
            "received": len(deliveries),
            "started": len(started),
            "stale": len(by_attempt) - len(started),
            "again": len(malformed),
            "outcomes": outcomes,
        },
    )
    return _return_to_queue(runtime, malformed)


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


def _start(runtime: Runtime, by_attempt: Mapping[AttemptId, Delivery], remaining: float, context: Any) -> list[Started]:
    """Start the live attempts; log and count the others as stale."""
    with runtime.database.autocommit() as connection:
        live = start(
            connection,
            list(by_attempt),
            lease=remaining + runtime.settings.start_lease_margin_seconds,
            worker=f"{context.function_name}:{context.function_version}",
            request_id=context.aws_request_id,
        )
    stale = by_attempt.keys() - {attempt.attempt_id for attempt in live}
    if stale:
        runtime.observer.count(metrics.STALE, len(stale))
    for attempt_id in sorted(stale):
        runtime.observer.log.info(
            "stale delivery", extra={"attempt_id": attempt_id, "receive_count": by_attempt[attempt_id].receive_count}
        )
    return [_with_delivery(attempt, by_attempt[attempt.attempt_id]) for attempt in live]


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
