"""Apply: an outcome becomes a transition. With a job's writes and the hand-off, in one short transaction."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from scrapersky.database import sqlstate
from scrapersky.runtime.outcomes import Done, Fail, Outcome, Retry, Snooze
from scrapersky.runtime.registry import hand_off_from
from scrapersky.runtime.runtime import Runtime
from scrapersky.status.control import pause
from scrapersky.status.finish import Finished, complete, complete_all, fail, retry, snooze
from scrapersky.status.requeue import hand_off
from scrapersky.status.retry_policy import Backoff
from scrapersky.status.start import Started
from scrapersky.status.workflow import Workflow

AGAIN = frozenset({"40001", "40P01"})
"""SQLSTATEs of a transaction that lost a race for locks: it changed nothing, and may simply be run again."""

TRIES = 3


def apply(runtime: Runtime, attempt: Started, outcome: Outcome) -> Finished:
    """Saves ``outcome`` of ``attempt``. Raises :class:`~scrapersky.status.finish.Stale` when it came too late."""
    for _ in range(TRIES - 1):
        try:
            return _apply_once(runtime, attempt, outcome)
        except DBAPIError as error:
            if sqlstate(error) not in AGAIN:
                raise
    return _apply_once(runtime, attempt, outcome)


def apply_together(runtime: Runtime, name: str, results: Mapping[int, Done]) -> dict[int, Finished]:
    """Saves ``results`` (attempt id → outcome) of the workflow ``name`` in one transaction.

    An attempt missing from the answer came too late, and its write was not run. Raises what any write raises: then
    nothing of any of them is saved.
    """
    workflow = runtime.workflow(name)
    told = {attempt_id: (done.code, _bounded(done.detail)) for attempt_id, done in results.items()}
    writes = [(attempt_id, done.write) for attempt_id, done in sorted(results.items()) if done.write is not None]
    if not writes:
        with runtime.database.autocommit() as connection:
            return complete_all(connection, workflow, told)
    with runtime.database.transaction() as connection:
        finished = complete_all(connection, workflow, told)
        handed = [
            record_id for attempt_id, write in writes if attempt_id in finished for record_id in write(connection)
        ]
        _hand_off(runtime, connection, workflow, handed)
        return finished


def _apply_once(runtime: Runtime, attempt: Started, outcome: Outcome) -> Finished:
    workflow = runtime.workflow(attempt.workflow)
    write = None if isinstance(outcome, Snooze) else outcome.write
    if write is None and not (isinstance(outcome, Snooze) and outcome.pause):
        with runtime.database.autocommit() as connection:
            return _finish(runtime, connection, workflow, attempt.attempt_id, outcome)
    with runtime.database.transaction() as connection:
        # The fence first: a write of a stale attempt must never happen.
        finished = _finish(runtime, connection, workflow, attempt.attempt_id, outcome)
        if write is not None:
            _hand_off(runtime, connection, workflow, write(connection))
        if isinstance(outcome, Snooze) and outcome.pause:
            pause(
                connection,
                workflow,
                actor=runtime.service.name,
                reason=f"{outcome.code}: {outcome.reason}",
                seconds=outcome.after,
            )
        return finished


def _finish(
    runtime: Runtime, connection: Connection, workflow: Workflow, attempt_id: int, outcome: Outcome
) -> Finished:
    detail = _bounded(outcome.detail)
    match outcome:
        case Done():
            return complete(connection, workflow, attempt_id, code=outcome.code, detail=detail)
        case Fail():
            return fail(connection, workflow, attempt_id, code=outcome.code, reason=outcome.reason, detail=detail)
        case Snooze():
            return snooze(
                connection, workflow, attempt_id,
                code=outcome.code, reason=outcome.reason, after=outcome.after, detail=detail,
            )  # fmt: skip
        case Retry():
            after = None if outcome.after is None else min(outcome.after, runtime.settings.retry_cap_seconds)
            return retry(
                connection, workflow, attempt_id,
                code=outcome.code, reason=outcome.reason, after=after, detail=detail,
                backoff=_backoff(runtime, outcome.code),
            )  # fmt: skip
        case _:
            assert_never(outcome)


def _backoff(runtime: Runtime, code: str) -> Backoff:
    backoff = runtime.backoff
    if code != "unexpected":
        return backoff
    fewer = min(backoff.max_failures, runtime.settings.retry_unknown_max_failures)
    return Backoff(backoff.base, backoff.cap, fewer)


def _hand_off(runtime: Runtime, connection: Connection, workflow: Workflow, ids: Sequence[int]) -> None:
    next_step = hand_off_from(workflow)
    if ids and next_step is not None and next_step.is_automatic(runtime.settings):
        hand_off(
            connection,
            next_step.target,
            ids,
            actor=runtime.service.name,
            reason=f"handed off by {workflow.name}",
            again=next_step.again,
        )


MAX_DETAIL_BYTES = 16_384


def _bounded(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    """``detail`` as it may be stored: JSON without NUL, and not too much of it."""
    text = json.dumps(detail, default=str).replace("\\u0000", "")
    if len(text) > MAX_DETAIL_BYTES:
        return {"dropped": f"detail of {len(text)} bytes, more than {MAX_DETAIL_BYTES}"}
    cleaned: Mapping[str, Any] = json.loads(text)
    return cleaned
