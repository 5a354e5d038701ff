"""A batch of messages: start those that are live in one statement, work on all at once, answer which must come again.

A message comes again only when its work could not even be started (a broken body, no database, no time left). Everything
after the start is settled in Postgres, and the message is acknowledged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scrapersky import metrics
from scrapersky.runtime.messages import MalformedMessage, Message, parse_message
from scrapersky.runtime.runtime import Runtime
from scrapersky.runtime.work import work_on_started
from scrapersky.status.start import start


@dataclass(frozen=True, slots=True)
class Delivery:
    """One received message and what its attributes say."""

    message_id: str
    receipt_handle: str
    body: str
    receive_count: int
    correlation_id: str

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Delivery":
        """Reads one record of Lambda's SQS event."""
        attributes = record.get("messageAttributes") or {}
        correlation = attributes.get("correlation_id") or {}
        return cls(
            message_id=record["messageId"],
            receipt_handle=record["receiptHandle"],
            body=record["body"],
            receive_count=int((record.get("attributes") or {}).get("ApproximateReceiveCount", 1)),
            correlation_id=correlation.get("stringValue") or record["messageId"],
        )


def work_on(runtime: Runtime, records: Sequence[Mapping[str, Any]], context: Any) -> dict[str, Any]:
    """Works on every message; answers Lambda's partial batch response: the messages that must come again."""
    deliveries = [Delivery.of(record) for record in records]
    again, messages = _read(runtime, deliveries)
    remaining = context.get_remaining_time_in_millis() / 1000
    if remaining < runtime.settings.start_minimum_seconds:
        runtime.observer.log.warning(
            "no time left to start", extra={"remaining_seconds": remaining, "messages": len(messages)}
        )
        return _return_to_queue(runtime, deliveries)
    by_attempt = {message.attempt_id: delivery for delivery, message in messages}
    try:
        with runtime.database.autocommit() as connection:
            started = start(
                connection,
                list(by_attempt),
                lease=remaining + runtime.settings.start_lease_margin_seconds,
                worker=f"{context.function_name}:{context.function_version}",
                request_id=context.aws_request_id,
            )
    except Exception:
        runtime.observer.log.exception("the database could not be asked; every message comes again")
        return _return_to_queue(runtime, deliveries)
    stale = len(by_attempt) - len(started)
    if stale:
        runtime.observer.count(metrics.STALE, stale)
    for attempt_id in by_attempt.keys() - {one.attempt_id for one in started}:
        runtime.observer.log.info(
            "stale delivery", extra={"attempt_id": attempt_id, "receive_count": by_attempt[attempt_id].receive_count}
        )
    settled = work_on_started(runtime, started, by_attempt, remaining)
    runtime.observer.line(
        "batch",
        {
            "received": len(deliveries),
            "started": len(started),
            "stale": stale,
            "again": len(again),
            "outcomes": settled,
        },
    )
    return _return_to_queue(runtime, again)


def _read(runtime: Runtime, deliveries: Sequence[Delivery]) -> tuple[list[Delivery], list[tuple[Delivery, Message]]]:
    broken: list[Delivery] = []
    messages: list[tuple[Delivery, Message]] = []
    for delivery in deliveries:
        try:
            message = parse_message(delivery.body)
            runtime.workflow(message.workflow)
        except (MalformedMessage, KeyError) as error:
            runtime.observer.log.error(
                "malformed message",
                extra={"message_id": delivery.message_id, "error": str(error), "receive_count": delivery.receive_count},
            )
            broken.append(delivery)
        else:
            messages.append((delivery, message))
    return broken, messages


def _return_to_queue(runtime: Runtime, deliveries: Sequence[Delivery]) -> dict[str, Any]:
    """Answers Lambda that these failed, and shortens their wait: the full visibility timeout would be six timeouts."""
    if deliveries:
        try:
            runtime.queue.return_to_queue(
                [delivery.receipt_handle for delivery in deliveries],
                runtime.settings.redelivery_min_seconds,
                runtime.settings.redelivery_max_seconds,
            )
        except Exception:
            runtime.observer.log.exception("visibility could not be shortened; SQS redelivers at its own time")
    return {"batchItemFailures": [{"itemIdentifier": delivery.message_id} for delivery in deliveries]}
