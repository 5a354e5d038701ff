"""Results: save the outcome of an attempt as a transition, and report it.

The transition, the job's writes and the hand-off are one short transaction. Results that are ready while the connection
is busy are saved together: a job that reads no website ends at once, and ten of them would pay ten commits. If saving
them together fails, each is saved alone, so that only the result with the invalid write fails.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from scrapersky import metrics
from scrapersky.database import LOST_RACE, TRIES, sqlstate
from scrapersky.runtime.outcomes import Done, Fail, Outcome, Retry, Snooze, unexpected
from scrapersky.runtime.registry import hand_off_from
from scrapersky.runtime.runtime import Runtime
from scrapersky.status.control import pause
from scrapersky.status.finish import Finished, Stale, complete, complete_all, fail, retry, snooze
from scrapersky.status.requeue import hand_off
from scrapersky.status.retry_policy import Backoff
from scrapersky.status.sql import storable_text
from scrapersky.status.start import Started
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptId, RecordId, Status

MAX_DETAIL_BYTES = 16_384


class Results:
    """Saves and reports the results of one invocation, over its one connection. ``codes`` counts them by code."""

    def __init__(self, runtime: Runtime) -> None:
        self.codes: Counter[str] = Counter()
        self._runtime = runtime
        self._one_at_a_time = asyncio.Lock()
        self._waiting: dict[Started, Outcome] = {}
        self._saved: dict[Started, Finished | None] = {}
        self._apart: set[Started] = set()

    async def add(self, attempt: Started, outcome: Outcome, began: float) -> None:
        """Save and report ``outcome``. ``began`` is the monotonic time when the work on the record began."""
        finished = await self._save(attempt, outcome)
        self.codes[outcome.code if finished else "stale"] += 1
        _report(self._runtime, attempt, outcome, finished, time.monotonic() - began)

    async def _save(self, attempt: Started, outcome: Outcome) -> Finished | None:
        """Save ``outcome``; return None if it was stale, or could not be saved (recovery will pick the record up)."""
        self._waiting[attempt] = outcome
        await asyncio.sleep(0)  # let the other jobs that are done in this iteration of the loop join
        async with self._one_at_a_time:
            if attempt in self._waiting:
                await self._save_with_others(attempt)
        return self._saved.pop(attempt)

    async def _save_with_others(self, attempt: Started) -> None:
        done = {
            other: outcome
            for other, outcome in self._waiting.items()
            if isinstance(outcome, Done) and other.workflow == attempt.workflow and other not in self._apart
        }
        if attempt in done and len(done) > 1 and await self._save_together(attempt.workflow, done):
            return
        self._saved[attempt] = await self._save_alone(attempt, self._waiting.pop(attempt))

    async def _save_together(self, workflow: str, done: dict[Started, Done]) -> bool:
        results = {other.attempt_id: outcome for other, outcome in done.items()}
        log = self._runtime.observer.log
        try:
            finished = await self._runtime.database.in_thread(save_together, self._runtime, workflow, results)
        except Exception as error:
            log.warning(f"could not save {len(done)} results together; saving each alone: {type(error).__name__}")
            self._apart.update(done)
            return False
        for other in done:
            del self._waiting[other]
            self._saved[other] = finished.get(other.attempt_id)
            if self._saved[other] is None:
                log.warning("stale result", extra=_keys(other))
        return True

    async def _save_alone(self, attempt: Started, outcome: Outcome) -> Finished | None:
        log = self._runtime.observer.log
        try:
            return await self._runtime.database.in_thread(save, self._runtime, attempt, outcome)
        except Stale:
            log.warning("stale result", extra=_keys(attempt))
            return None
        except Exception as error:
            log.exception("could not save the result; saving the error instead", extra=_keys(attempt))
            failure = unexpected(error)
        try:
            return await self._runtime.database.in_thread(save, self._runtime, attempt, failure)
        except Exception:
            log.exception("could not save the error either; recovery will pick the record up", extra=_keys(attempt))
            return None


def save(runtime: Runtime, attempt: Started, outcome: Outcome) -> Finished:
    """Save ``outcome`` of ``attempt``. Raises :class:`~scrapersky.status.finish.Stale` if the attempt is not live."""
    for _ in range(TRIES - 1):
        try:
            return _save_once(runtime, attempt, outcome)
        except DBAPIError as error:
            if sqlstate(error) not in LOST_RACE:
                raise
    return _save_once(runtime, attempt, outcome)


def save_together(runtime: Runtime, name: str, results: Mapping[AttemptId, Done]) -> dict[AttemptId, Finished]:
    """Save ``results`` (attempt id → outcome) of the workflow ``name`` in one transaction.

    An attempt that is missing from the answer is stale, and its write was not run. Raises what any write raises; then
    nothing is saved.
    """
    workflow = runtime.workflow(name)
    completed = {attempt_id: (done.code, _storable(done.detail)) for attempt_id, done in results.items()}
    writes = [(attempt_id, done.write) for attempt_id, done in sorted(results.items()) if done.write is not None]
    if not writes:
        with runtime.database.autocommit() as connection:
            return complete_all(connection, workflow, completed)
    with runtime.database.transaction() as connection:
        finished = complete_all(connection, workflow, completed)
        record_ids = [
            record_id for attempt_id, write in writes if attempt_id in finished for record_id in write(connection)
        ]
        _hand_off(runtime, connection, workflow, record_ids)
        return finished


def _save_once(runtime: Runtime, attempt: Started, outcome: Outcome) -> Finished:
    workflow = runtime.workflow(attempt.workflow)
    write = None if isinstance(outcome, Snooze) else outcome.write
    if write is None and not (isinstance(outcome, Snooze) and outcome.pause):
        with runtime.database.autocommit() as connection:
            return _finish(runtime, connection, workflow, attempt.attempt_id, outcome)
    with runtime.database.transaction() as connection:
        # Warning: the fence comes first. The write of a stale attempt must never run.
        finished = _finish(runtime, connection, workflow, attempt.attempt_id, outcome)
        if write is not None:
            _hand_off(runtime, connection, workflow, write(connection))
        if isinstance(outcome, Snooze) and outcome.pause:
            reason = f"{outcome.code}: {outcome.reason}"
            pause(connection, workflow, actor=runtime.service.name, reason=reason, seconds=outcome.after)
        return finished


def _finish(
    runtime: Runtime, connection: Connection, workflow: Workflow, attempt_id: AttemptId, outcome: Outcome
) -> Finished:
    detail = _storable(outcome.detail)
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
    """Return the backoff of ``code``; an unexpected exception has fewer tries."""
    backoff = runtime.backoff
    if code != "unexpected":
        return backoff
    fewer = min(backoff.max_failures, runtime.settings.retry_unknown_max_failures)
    return Backoff(backoff.base, backoff.cap, fewer)


def _hand_off(runtime: Runtime, connection: Connection, workflow: Workflow, record_ids: Sequence[RecordId]) -> None:
    following = hand_off_from(workflow)
    if record_ids and following is not None and following.is_automatic(runtime.settings):
        hand_off(
            connection,
            following.target,
            record_ids,
            actor=runtime.service.name,
            reason=f"handed off by {workflow.name}",
            again=following.again,
        )


def _storable(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return ``detail`` as JSON that Postgres can store, or a note if it exceeds :data:`MAX_DETAIL_BYTES`."""
    text = json.dumps(detail, default=str)
    if len(text) > MAX_DETAIL_BYTES:
        return {"dropped": f"detail of {len(text)} bytes, more than {MAX_DETAIL_BYTES}"}
    cleaned: Mapping[str, Any] = _without_unstorable(json.loads(text))
    return cleaned


def _without_unstorable(value: Any) -> Any:
    """Return ``value`` without NUL characters and lone surrogates, at any depth."""
    match value:
        case str():
            return storable_text(value)
        case list():
            return [_without_unstorable(one) for one in value]
        case dict():
            return {storable_text(key): _without_unstorable(one) for key, one in value.items()}
        case _:
            return value


def _report(runtime: Runtime, attempt: Started, outcome: Outcome, finished: Finished | None, seconds: float) -> None:
    """Write the transition's log line and count it; a stale or unsaved result is only counted."""
    observer = runtime.observer
    if finished is None:
        observer.count(metrics.STALE)
        return
    metric = {
        Status.COMPLETED: metrics.COMPLETED,
        Status.ERROR: metrics.ERRORED,
        Status.QUEUED: metrics.SNOOZED if isinstance(outcome, Snooze) else metrics.RETRIED,
    }[finished.status]
    observer.count(metric, workflow=attempt.workflow)
    observer.count(metrics.RECORD_MILLISECONDS, round(seconds * 1000), workflow=attempt.workflow)
    observer.transition(
        **_keys(attempt),
        from_status=Status.PROCESSING,
        to_status=finished.status,
        outcome=type(outcome).__name__.lower(),
        code=outcome.code,
        error_code=outcome.code if finished.status is Status.ERROR else None,
        duration_ms=round(seconds * 1000),
        attempt=finished.failures + (finished.status is Status.COMPLETED),
        receive_count=attempt.receive_count,
        correlation_id=attempt.correlation_id,
    )


def _keys(attempt: Started) -> dict[str, Any]:
    return {"workflow": attempt.workflow, "record_id": attempt.record_id, "attempt_id": attempt.attempt_id}
