"""dead-letter: sets a record to Error when its message was received too often without the work being started.

Warning: the record may have been requeued since. So the statement is conditional on the attempt, and a late dead letter
changes nothing.
"""

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import DBAPIError

from scrapersky import metrics
from scrapersky.database import Database, sqlstate
from scrapersky.metrics import Observer
from scrapersky.runtime.messages import MalformedMessage, parse_message
from scrapersky.runtime.registry import WORKFLOWS, service_of
from scrapersky.secret_store import read_secret
from scrapersky.settings import Settings, load
from scrapersky.status.dead_letter import dead_letter, was_chosen, workflow_of
from scrapersky.vocabulary import AttemptId, Status

NAME = "dead-letter"
REFUSALS = frozenset({"22", "23", "P0", "SS"})
"""Classes of SQLSTATEs that depend on the row: invalid data, a constraint, a trigger, the guard."""
_DIGITS = re.compile(r"[0-9]{1,19}")

settings = load(Settings, os.environ)
database = Database(settings, NAME, read_secret)
observer = Observer(NAME, settings.stage)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Mark the record of each dead letter; return to SQS those for which the database could not be reached."""
    observer.begin(context)
    failed: list[str] = []
    try:
        for message in event["Records"]:
            keys = {"message_id": message["messageId"]}
            try:
                mark(message)
            except Exception as error:
                if not is_refusal(error):
                    observer.log.exception("could not mark a dead letter; returning it to the queue", extra=keys)
                    failed.append(message["messageId"])
                    continue
                observer.log.exception(
                    "the database refused to mark a dead letter's record; recovery takes it when its lease ends",
                    extra=keys,
                )
                observer.count(metrics.DEAD_LETTERED)
    finally:
        observer.flush()
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def is_refusal(error: Exception) -> bool:
    """Return whether the database would refuse the same change again: then the message is reported once."""
    return isinstance(error, DBAPIError) and (sqlstate(error) or "")[:2] in REFUSALS


def mark(message: Mapping[str, Any]) -> None:
    """Set the record of a dead letter (an SQS record) to Error, if its attempt is live and no worker holds it."""
    keys: dict[str, Any] = {"message_id": message["messageId"]}
    attempt_id = attempt_of(message)
    with database.autocommit() as connection:
        name = workflow_of(connection, attempt_id) if attempt_id else None
        if attempt_id and name is None and was_chosen(attempt_id):
            observer.log.info("stale dead letter: its attempt is gone", extra={**keys, "attempt_id": attempt_id})
            return
        if attempt_id is None or name not in WORKFLOWS:
            observer.log.error("unattributable dead letter: message names no known attempt", extra=keys)
            observer.count(metrics.DEAD_LETTERED)
            return
        code, reason = error_of(message)
        workflow = WORKFLOWS[name]
        record_id = dead_letter(connection, workflow, attempt_id, code=code, reason=reason)
    if record_id is None:
        observer.log.info("stale dead letter", extra={**keys, "attempt_id": attempt_id})
        return
    observer.count(metrics.DEAD_LETTERED)
    observer.finished(workflow.name, error=True, service=service_of(workflow).name)
    observer.transition(
        workflow=workflow.name,
        record_id=record_id,
        attempt_id=attempt_id,
        from_status=Status.PROCESSING,
        to_status=Status.ERROR,
        outcome="dead_letter",
        error_code=code,
    )


def attempt_of(message: Mapping[str, Any]) -> AttemptId | None:
    """Return the attempt id of ``message``, from the attribute that the sender sets or else from its body; or None.

    The body is read without validation, as it may be the reason for the dead letter.
    """
    attribute = ((message.get("messageAttributes") or {}).get("attempt_id") or {}).get("stringValue")
    try:
        body = json.loads(message.get("body") or "")
    except (ValueError, RecursionError):
        body = None
    in_body = body.get("attempt_id") if isinstance(body, dict) else None
    for candidate in (attribute, in_body):
        if type(candidate) is int or (isinstance(candidate, str) and _DIGITS.fullmatch(candidate)):
            number = int(candidate)
            if 0 < number < 2**63:
                return AttemptId(number)
    return None


def error_of(message: Mapping[str, Any]) -> tuple[str, str]:
    """Return the error code and the reason for the record of ``message``."""
    try:
        parse_message(message["body"])
    except MalformedMessage as error:
        return "malformed_message", f"its message was malformed ({error}) and ended in the dead-letter queue"
    return (
        "dead_letter",
        "its message was delivered until the queue gave up, and the work could never be started: "
        "the function crashed or ran out of time before it reached this record",
    )
