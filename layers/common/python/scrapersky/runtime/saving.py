"""Saving: what is done while the connection is busy is saved together, in one transaction, when it is free.

A job that reads no website ends at once, and ten of them would pay ten commits. Where saving together fails, each is
saved alone: then only the one whose write is wrong learns it.
"""

import asyncio
from typing import Any

from scrapersky.runtime.apply import apply, apply_together
from scrapersky.runtime.outcomes import Done, Outcome, unexpected
from scrapersky.runtime.runtime import Runtime
from scrapersky.status.finish import Finished, Stale
from scrapersky.status.start import Started


class Saving:
    """Saves the outcomes of one invocation, over its one connection."""

    def __init__(self, runtime: Runtime, one_connection: asyncio.Lock) -> None:
        self._runtime = runtime
        self._one_connection = one_connection
        self._waiting: dict[Started, Outcome] = {}
        self._saved: dict[Started, Finished | None] = {}
        self._apart: set[Started] = set()

    async def save(self, attempt: Started, outcome: Outcome) -> Finished | None:
        """Saves ``outcome``; None when it came too late, or could not be saved at all (recovery will take the record)."""
        self._waiting[attempt] = outcome
        await asyncio.sleep(0)  # others that end in this very moment come along
        async with self._one_connection:
            if attempt in self._waiting:
                await self._save_with_others(attempt)
        return self._saved.pop(attempt)

    async def _save_with_others(self, attempt: Started) -> None:
        done = {
            other: outcome
            for other, outcome in self._waiting.items()
            if isinstance(outcome, Done) and other.workflow == attempt.workflow and other not in self._apart
        }
        if attempt in done and len(done) > 1 and await self._together(attempt.workflow, done):
            return
        self._saved[attempt] = await self._alone(attempt, self._waiting.pop(attempt))

    async def _together(self, workflow: str, done: dict[Started, Done]) -> bool:
        results = {other.attempt_id: outcome for other, outcome in done.items()}
        try:
            finished = await asyncio.to_thread(apply_together, self._runtime, workflow, results)
        except Exception as error:
            self._runtime.observer.log.warning(f"{len(done)} results are saved one by one: {type(error).__name__}")
            self._apart.update(done)
            return False
        for other in done:
            del self._waiting[other]
            self._saved[other] = finished.get(other.attempt_id)
            if self._saved[other] is None:
                self._runtime.observer.log.warning("stale result", extra=_keys(other))
        return True

    async def _alone(self, attempt: Started, outcome: Outcome) -> Finished | None:
        log = self._runtime.observer.log
        try:
            return await asyncio.to_thread(apply, self._runtime, attempt, outcome)
        except Stale:
            log.warning("stale result", extra=_keys(attempt))
            return None
        except Exception as error:
            log.exception("a result could not be saved", extra=_keys(attempt))
            failure = unexpected(error)
        try:
            return await asyncio.to_thread(apply, self._runtime, attempt, failure)
        except Exception:
            log.exception("nor could its failure: recovery takes the record", extra=_keys(attempt))
            return None


def _keys(attempt: Started) -> dict[str, Any]:
    return {"workflow": attempt.workflow, "record_id": attempt.record_id, "attempt_id": attempt.attempt_id}
