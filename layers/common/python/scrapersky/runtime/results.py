"""Results: save the outcome of an attempt as a transition, and report it.

The transition, the job's writes and the hand-off are one short transaction. A result waits a second for others, whatever
their workflow, unless no other job runs: together they pay one commit, and those of one workflow share the statements of
their writes (:class:`~scrapersky.runtime.outcomes.SharedWrite`). If saving them together fails, or breaks the connection
twice, each is saved alone, so that only the result with the invalid write fails.

What does not lie in the result is tried again until the invocation ends, and never counts as the record's failure: a
broken connection, a lost race for locks, a locked record, a timeout. The statements are fenced, so this is safe. A
commit whose reply was lost is found by the attempt that it ended.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, assert_never

from sqlalchemy import Connection, text

from scrapersky.database import LOCKED, ONCE_MORE, after_commit, sqlstate
from scrapersky.runtime.outcomes import Done, Fail, Made, Outcome, Retry, SharedWrite, Snooze, Write, unexpected
from scrapersky.runtime.registry import hand_offs_from
from scrapersky.runtime.runtime import Runtime
from scrapersky.status.control import pause
from scrapersky.status.finish import (
    LOCK,
    LOCK_RECORDS,
    Finished,
    Stale,
    complete,
    complete_all,
    fail,
    find_ended,
    retry,
    snooze,
)
from scrapersky.status.requeue import hand_off
from scrapersky.status.retry_policy import Backoff
from scrapersky.status.sql import storable_text
from scrapersky.status.start import Started
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptId, AttemptOutcome, RecordId, Status

TOGETHER_SECONDS = 1.0
"""How long a result waits at most for those of other jobs that run, to be saved with them."""

ALONE = 1 / 6
"""The share of the usual time that a result waits for a lock when it is saved alone: many may be locked."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
"""Seconds between two tries, doubling."""

MAX_DETAIL_BYTES = 16_384
STALE, UNSAVED = "stale", "unsaved"


class Results:
    """Saves and reports the results of one invocation.

    ``running`` returns the number of running jobs. ``codes`` counts the results by code, or as ``stale`` or ``unsaved``.
    """

    def __init__(self, runtime: Runtime, running: Callable[[], int]) -> None:
        self.codes: Counter[str] = Counter()
        self._runtime = runtime
        self._running = running
        self._all_wait = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._waiting: dict[Started, Outcome] = {}
        self._alone: set[Started] = set()
        self._in_doubt: dict[Started, Outcome] = {}
        self._timed_out: set[Started] = set()
        self._replaced: set[Started] = set()
        self._ended: dict[Started, tuple[Outcome, Finished | str]] = {}

    async def add(self, attempt: Started, outcome: Outcome, began: float) -> None:
        """Save and report ``outcome``. ``began`` is the event loop's time when the work on the record began."""
        now = asyncio.get_running_loop().time
        self._waiting[attempt] = outcome
        await self._gather(now() - began)
        wait = 0.0
        while attempt in self._waiting:
            await asyncio.sleep(wait)
            async with self._one_at_a_time:
                if attempt in self._waiting:
                    await self._save(attempt)
            wait = min(LONGEST_PAUSE, max(SHORTEST_PAUSE, 2 * wait))
        outcome, finished = self._ended.pop(attempt)
        self.codes[finished if isinstance(finished, str) else outcome.code] += 1
        _report(self._runtime, attempt, outcome, finished, now() - began)

    async def _gather(self, worked: float) -> None:
        """Wait for the results of other running jobs: at most as long as this one took, and at most TOGETHER_SECONDS."""
        if not self._running():
            self._all_wait.set()
            self._all_wait = asyncio.Event()
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._all_wait.wait(), min(worked, TOGETHER_SECONDS))

    async def _save(self, attempt: Started) -> None:
        """Try to save ``attempt``, with all others that wait unless one of these was to be saved alone."""
        alone = attempt in self._alone
        group = [attempt] if alone else [other for other in self._waiting if other not in self._alone]
        outcomes = {other: self._waiting[other] for other in group}
        in_doubt = {other: self._in_doubt[other] for other in group if other in self._in_doubt}
        seconds = self._seconds_alone() if alone else None
        try:
            finished = await self._runtime.database.in_thread(save, self._runtime, outcomes, in_doubt, seconds)
        except BaseException as error:  # a job's write may raise anything
            if (task := asyncio.current_task()) and task.cancelling():
                raise
            self._fail(outcomes, error)
            return
        for other, outcome in outcomes.items():
            if other not in finished:
                self._runtime.observer.log.warning("stale result", extra=_keys(other))
            self._end(other, *finished.get(other, (outcome, STALE)))

    def _seconds_alone(self) -> float:
        """Return how long one result waits for a lock: near the end less, so that each of those that wait has a try."""
        share = self._runtime.database.time_left() / len(self._waiting)
        return max(0.001, min(ALONE * self._runtime.settings.lock_seconds, share))

    def _fail(self, outcomes: Mapping[Started, Outcome], error: BaseException) -> None:
        """Decide what follows after ``outcomes`` could not be saved: another try, together or alone, or their end."""
        log, (attempt, *others) = self._runtime.observer.log, outcomes
        state = sqlstate(error) or ""
        passing = self._runtime.database.may_pass(error)
        if state in ONCE_MORE and not others and _has_effects(outcomes[attempt]):
            # A write that is always too slow would be tried again until the invocation ends, and in the next one too. So
            # the second time that a write times out alone is the record's failure. An end without a write is never slow.
            passing = attempt not in self._timed_out
            self._timed_out.add(attempt)
            self._alone.add(attempt)
        again = not self._in_doubt.keys().isdisjoint(outcomes)  # one write may break the connection each time
        extra = {"results": len(outcomes), **_keys(attempt), "error": f"{type(error).__name__}: {sqlstate(error)}"}
        if self._runtime.database.time_left() <= SHORTEST_PAUSE:
            log.error("could not save results before the invocation ended; recovery will pick them up", extra=extra)
            for other, outcome in outcomes.items():
                self._end(other, outcome, UNSAVED)
        elif passing and not (others and (again or state in {LOCKED, *ONCE_MORE})):
            log.warning("could not save results; trying again", extra=extra)
            self._in_doubt.update(outcomes)
        elif others:
            log.warning("could not save results together; saving each alone", extra=extra)
            self._alone.update(outcomes)
            self._in_doubt.update(outcomes)
        elif attempt in self._replaced:
            log.error("could not save the error either; recovery will pick the record up", extra=extra, exc_info=error)
            self._end(attempt, outcomes[attempt], UNSAVED)
        else:
            log.error("could not save the result; saving the error instead", extra=extra, exc_info=error)
            self._replaced.add(attempt)
            self._waiting[attempt] = unexpected(error)

    def _end(self, attempt: Started, outcome: Outcome, finished: Finished | str) -> None:
        del self._waiting[attempt]
        self._ended[attempt] = (outcome, finished)


Saved = dict[Started, tuple[Outcome, Finished]]


def save(
    runtime: Runtime,
    results: Mapping[Started, Outcome],
    in_doubt: Mapping[Started, Outcome] | None = None,
    lock_seconds: float | None = None,
) -> Saved:
    """Save ``results`` in one transaction; return what was saved. An attempt that is missing there is stale.

    The write of a stale attempt is not run. ``in_doubt``: the outcomes of an earlier call whose reply was lost; they are
    found if that call was committed. ``lock_seconds`` limits the wait for each lock, instead of the session's limit.
    Raises what any write raises; then nothing is saved.
    """
    by_workflow: dict[Workflow, dict[Started, Outcome]] = {}
    for attempt in sorted(results, key=lambda one: (one.workflow, one.attempt_id)):
        by_workflow.setdefault(runtime.workflow(attempt.workflow), {})[attempt] = results[attempt]
    if lock_seconds is None and not in_doubt and _is_one_statement(by_workflow):
        with runtime.database.autocommit() as connection:
            return _finish_all(runtime, connection, by_workflow)
    with runtime.database.transaction() as connection:
        if lock_seconds is not None:
            connection.execute(
                text("SELECT set_config('lock_timeout', :ms, true)"), {"ms": str(round(lock_seconds * 1000))}
            )
        if len(results) > 1:
            # Warning: each workflow and outcome has its own statement, so lock all first, in the order of every verb.
            _lock(connection, by_workflow)
        # Warning: the fence comes first. The write of a stale attempt must never run.
        saved = _finish_all(runtime, connection, by_workflow)
        for workflow, outcomes in by_workflow.items():
            _write_all(runtime, connection, workflow, [one for attempt, one in outcomes.items() if attempt in saved])
        return _find_in_doubt(connection, by_workflow, in_doubt or {}) | saved


def _lock(connection: Connection, by_workflow: Mapping[Workflow, Mapping[Started, Outcome]]) -> None:
    """Lock all attempts, and then the records of each table, in ascending order."""
    attempts = [(workflow, attempt) for workflow, outcomes in by_workflow.items() for attempt in outcomes]
    connection.execute(LOCK, {"attempt_ids": sorted(attempt.attempt_id for _, attempt in attempts)})
    for table, workflow in sorted({workflow.table: workflow for workflow in by_workflow}.items()):
        record_ids = sorted(attempt.record_id for of, attempt in attempts if of.table == table)
        connection.execute(workflow.statement(LOCK_RECORDS), {"record_ids": record_ids})


def _is_one_statement(by_workflow: Mapping[Workflow, Mapping[Started, Outcome]]) -> bool:
    outcomes = [outcome for of_workflow in by_workflow.values() for outcome in of_workflow.values()]
    return len(by_workflow) == 1 and (
        all(isinstance(outcome, Done) and outcome.write is None for outcome in outcomes)
        or (len(outcomes) == 1 and not _has_effects(outcomes[0]))
    )


def _has_effects(outcome: Outcome) -> bool:
    return outcome.pause if isinstance(outcome, Snooze) else outcome.write is not None


def _finish_all(
    runtime: Runtime, connection: Connection, by_workflow: Mapping[Workflow, Mapping[Started, Outcome]]
) -> Saved:
    saved: Saved = {}
    for workflow, outcomes in by_workflow.items():
        done = {attempt: outcome for attempt, outcome in outcomes.items() if isinstance(outcome, Done)}
        if len(done) > 1:
            ends = {attempt.attempt_id: (one.code, _storable(one.detail)) for attempt, one in done.items()}
            finished = complete_all(connection, workflow, ends)
            saved |= {one: (done[one], finished[one.attempt_id]) for one in done if one.attempt_id in finished}
        for attempt, outcome in outcomes.items():
            if len(done) < 2 or attempt not in done:
                with suppress(Stale):
                    saved[attempt] = (outcome, _finish(runtime, connection, workflow, attempt.attempt_id, outcome))
    return saved


def _write_all(runtime: Runtime, connection: Connection, workflow: Workflow, outcomes: Sequence[Outcome]) -> None:
    """Run the writes of ``outcomes``, hand their records off, and pause the workflow once if some of them say so."""
    made: dict[str, list[RecordId]] = {}
    writes: list[Write] = []
    shared: dict[Callable[[Connection, Sequence[Any]], Made], list[Any]] = {}
    pauses = [outcome for outcome in outcomes if isinstance(outcome, Snooze) and outcome.pause]
    if pauses:
        longest = max(pauses, key=lambda one: one.after)
        reason = f"{longest.code}: {longest.reason}"
        pause(connection, workflow, actor=runtime.service.name, reason=reason, seconds=longest.after)
    for outcome in outcomes:
        if isinstance(outcome, Snooze):
            continue
        if isinstance(outcome.write, SharedWrite):
            shared.setdefault(outcome.write.save, []).extend(outcome.write.values)
        elif outcome.write is not None:
            writes.append(outcome.write)
    writes += [SharedWrite(save, values) for save, values in shared.items()]
    for write in writes:
        for table, record_ids in write(connection).items():
            made.setdefault(table, []).extend(record_ids)
    _hand_off(runtime, connection, workflow, made)


def _find_in_doubt(
    connection: Connection,
    by_workflow: Mapping[Workflow, Mapping[Started, Outcome]],
    in_doubt: Mapping[Started, Outcome],
) -> Saved:
    """Return the outcomes ``in_doubt`` that an earlier transaction has saved."""
    found: Saved = {}
    for workflow, outcomes in by_workflow.items():
        sent = {attempt.attempt_id: attempt for attempt in outcomes if attempt in in_doubt}
        ended = find_ended(connection, workflow, list(sent)) if sent else {}
        for attempt_id, (outcome, code, finished) in ended.items():
            attempt = sent[attempt_id]
            if (outcome, code) == (ATTEMPT_OUTCOMES[type(in_doubt[attempt])], in_doubt[attempt].code):
                found[attempt] = (in_doubt[attempt], finished)
    return found


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


ATTEMPT_OUTCOMES = {
    Done: AttemptOutcome.DONE,
    Fail: AttemptOutcome.FAILED,
    Retry: AttemptOutcome.RETRY,
    Snooze: AttemptOutcome.SNOOZED,
}


def _backoff(runtime: Runtime, code: str) -> Backoff:
    """Return the backoff of ``code``; an unexpected exception has fewer tries."""
    backoff = runtime.backoff
    if code != "unexpected":
        return backoff
    fewer = min(backoff.max_failures, runtime.settings.retry_unknown_max_failures)
    return Backoff(backoff.base, backoff.cap, fewer)


def _hand_off(runtime: Runtime, connection: Connection, workflow: Workflow, made: Made) -> None:
    if unknown := sorted(set(made) - set(workflow.makes)):
        raise ValueError(f"{workflow.name} made records of {', '.join(unknown)}; its makes are {workflow.makes}")
    actor, reason = runtime.service.name, f"handed off by {workflow.name}"
    for one in hand_offs_from(workflow):
        if one.is_automatic(runtime.settings) and (ids := made.get(one.target.table)):
            before = hand_off(
                connection,
                one.target,
                ids,
                actor=actor,
                reason=reason,
                again=one.again,
                condition=one.condition,
                per_host=one.per_host and one.per_host(runtime.settings),
            )
            moved = partial(runtime.observer.moved, one.target.name, before, Status.QUEUED)
            after_commit(connection, partial(moved, outcome="handed_off", actor=actor))


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


def _report(runtime: Runtime, attempt: Started, outcome: Outcome, finished: Finished | str, seconds: float) -> None:
    """Write the transition's log line and count it; a stale or unsaved result was logged before."""
    observer = runtime.observer
    if isinstance(finished, str):
        return
    if finished.status is not Status.QUEUED:
        observer.finished(attempt.workflow, error=finished.status is Status.ERROR)
    observer.transition(
        **_keys(attempt),
        from_status=Status.PROCESSING,
        to_status=finished.status,
        outcome=type(outcome).__name__.lower(),
        code=outcome.code,
        error_code=outcome.code if finished.status is Status.ERROR else None,
        duration_ms=round(seconds * 1000),
        # Success resets the failures, and only Postgres 18 returns the value before.
        attempt=None if finished.status is Status.COMPLETED else finished.failures,
        receive_count=attempt.receive_count,
        correlation_id=attempt.correlation_id,
    )


def _keys(attempt: Started) -> dict[str, Any]:
    return {"workflow": attempt.workflow, "record_id": attempt.record_id, "attempt_id": attempt.attempt_id}
