"""dead-letter: a message that came too often without being started ends its record in Error, with the reason.

The danger first: the record may have been requeued since. So the verb is fenced by the attempt, and a late letter
changes nothing.
"""

import os
from collections.abc import Mapping
from typing import Any

from dead_letter.attribution import attempt_of
from scrapersky import metrics
from scrapersky.database import Database
from scrapersky.metrics import Observer
from scrapersky.runtime.messages import MalformedMessage, parse_message
from scrapersky.runtime.registry import WORKFLOWS, service_of
from scrapersky.secret_store import read_secret
from scrapersky.settings import Settings, load
from scrapersky.status.dead_letter import dead_letter, workflow_of
from scrapersky.vocabulary import Status

NAME = "dead-letter"

settings = load(Settings, os.environ)
database = Database(settings, NAME, read_secret)
observer = Observer(NAME, settings.stage)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Marks each letter's record; answers the letters that must come again, because the database could not be asked."""
    again: list[str] = []
    try:
        for record in event["Records"]:
            try:
                mark(record)
            except Exception:
                observer.log.exception("a dead letter could not be marked", extra={"message_id": record["messageId"]})
                again.append(record["messageId"])
    finally:
        observer.flush()
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in again]}


def mark(record: Mapping[str, Any]) -> None:
    """Ends the letter's record in Error, if its attempt is still live and nobody works on it."""
    keys: dict[str, Any] = {"message_id": record["messageId"]}
    attempt_id = attempt_of(record)
    with database.autocommit() as connection:
        name = workflow_of(connection, attempt_id) if attempt_id else None
        if attempt_id is None or name not in WORKFLOWS:
            observer.log.error("dead letter of nobody: it names no attempt that exists", extra=keys)
            observer.count(metrics.UNATTRIBUTABLE)
            return
        code, reason = why(record)
        workflow = WORKFLOWS[name]
        record_id = dead_letter(connection, workflow, attempt_id, code=code, reason=reason)
    if record_id is None:
        observer.log.info("stale dead letter", extra={**keys, "attempt_id": attempt_id})
        observer.count(metrics.STALE)
        return
    owner = service_of(workflow).name
    observer.count(metrics.DEAD_LETTERED, workflow=workflow.name, service=owner)
    observer.count(metrics.ERRORED, workflow=workflow.name, service=owner)
    observer.transition(
        workflow=workflow.name,
        record_id=record_id,
        attempt_id=attempt_id,
        from_status=Status.PROCESSING,
        to_status=Status.ERROR,
        outcome="dead_letter",
        error_code=code,
    )


def why(record: Mapping[str, Any]) -> tuple[str, str]:
    """The error code and the sentence for a person."""
    try:
        parse_message(record["body"])
    except MalformedMessage as problem:
        return "malformed_message", f"its message was malformed ({problem}) and ended in the dead-letter queue"
    return (
        "dead_letter",
        "its message was delivered until the queue gave up, and the work could never be started: "
        "the function crashed or ran out of time before it reached this record",
    )
