"""Pull more work into a running invocation: when, of which workflow, and how much.

- Only while more than PULL_MINIMUM_SECONDS are left, and one pull at a time.
- A workflow is asked when a quarter of the slots is free for it, or any slot while it has no job here.
- Each other workflow of the service without a job keeps one slot free, so that a record that falls due later does not
  wait for the slow ones of its neighbour. Free slots are shared evenly between the workflows that are asked.
- A workflow that had nothing is asked again after 1 s, then 2 s, up to 10 s; at once when no job runs any more.
"""

import asyncio
import math
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Connection

from scrapersky.runtime.invocation import Invocation
from scrapersky.runtime.runtime import Runtime
from scrapersky.runtime.work import Work
from scrapersky.status.pull import Pulled, find_unanswered, pull
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import Status

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 10.0


@dataclass
class _Turn:
    """When a workflow may be asked again (event loop's time), and how long it waits after the next empty pull."""

    at: float = 0.0
    wait: float = FIRST_WAIT_SECONDS


class Puller:
    """Pulls for the jobs of ``work``."""

    def __init__(self, runtime: Runtime, invocation: Invocation, work: Work) -> None:
        self._runtime = runtime
        self._invocation = invocation
        self._work = work
        self._slots = runtime.service_settings.records_at_once
        self._turns = {workflow: _Turn() for workflow in runtime.service.workflows}
        self._unanswered = False

    @property
    def seconds_to_next(self) -> float | None:
        """The seconds until a workflow that has room is asked; None if only the end of a job can make room."""
        waits = [turn.at - _now() for workflow, turn in self._turns.items() if self._room(workflow)]
        return max(0.0, min(waits)) if waits else None

    async def pull(self) -> None:
        """Pull for each workflow that is due and has room, the one with the fewest jobs first."""
        jobs = self._jobs()
        turns = [workflow for workflow, turn in self._turns.items() if not self._work.tasks or turn.at <= _now()]
        turns.sort(key=lambda workflow: jobs[workflow.name])
        for position, workflow in enumerate(turns):
            if room := self._room(workflow):
                await self._pull(workflow, math.ceil(room / (len(turns) - position)))

    def _jobs(self) -> Counter[str]:
        """Return the running jobs by workflow."""
        return Counter(attempt.workflow for attempt in self._work.jobs.values())

    def _room(self, workflow: Workflow) -> int:
        """Return the records of ``workflow`` that are worth asking for now."""
        if not self._has_time():
            return 0
        jobs = self._jobs()
        idle = sum(not jobs[other.name] for other in self._turns if other != workflow)
        room = self._slots - jobs.total() - min(idle, self._slots - 1)
        enough = max(1, self._slots // 4) if jobs[workflow.name] else 1
        return room if room >= enough else 0

    def _has_time(self) -> bool:
        settings = self._runtime.service_settings
        return settings.pull and self._work.end - _now() > settings.pull_minimum_seconds

    async def _pull(self, workflow: Workflow, room: int) -> None:
        try:
            if self._unanswered:
                await self._begin(await self._work.query(self._find_unanswered))
            left = self._work.end - _now()
            pulled = await self._work.query(lambda connection: self._ask(connection, workflow, room, left))
            await self._begin(pulled)
        except Exception:
            self._runtime.observer.log.exception(
                "could not pull; what was started without a reply is looked for", extra={"workflow": workflow.name}
            )
            self._unanswered = True
            pulled = await self._after_lost_reply()
        turn = self._turns[workflow]
        if pulled:
            self._turns[workflow] = _Turn()
        else:
            self._turns[workflow] = _Turn(_now() + turn.wait, min(2 * turn.wait, LONGEST_WAIT_SECONDS))

    async def _after_lost_reply(self) -> list[Pulled]:
        """Take up what a pull started whose reply was lost. The server may need a moment to commit it."""
        await asyncio.sleep(FIRST_WAIT_SECONDS)
        try:
            found = await self._work.query(self._find_unanswered)
            await self._begin(found)
        except Exception:
            self._runtime.observer.log.exception("could not look for them either; recovery will pick the records up")
            return []
        return found

    def _ask(self, connection: Connection, workflow: Workflow, room: int, left: float) -> list[Pulled]:
        settings, own = self._runtime.settings, self._runtime.service_settings
        return pull(
            connection,
            workflow,
            batch=room,
            max_in_flight=own.max_in_flight - own.batch_size,  # the rest is for ticks, whose messages keep us awake
            per_host=own.max_per_host,
            lease=left + settings.start_lease_margin_seconds,
            worker=self._invocation.worker,
            request_id=self._invocation.request_id,
            enough_time=left >= settings.record_deadline_seconds + settings.saving_seconds,
        )

    def _find_unanswered(self, connection: Connection) -> list[Pulled]:
        return find_unanswered(
            connection,
            self._runtime.service.workflows,
            request_id=self._invocation.request_id,
            known=self._work.begun,
        )

    async def _begin(self, pulled: list[Pulled]) -> None:
        await self._work.begin(one.attempt for one in pulled)
        observer = self._runtime.observer
        for one in pulled:
            if one.claimed:
                observer.transition(
                    workflow=one.attempt.workflow,
                    record_id=one.attempt.record_id,
                    attempt_id=one.attempt.attempt_id,
                    from_status=Status.QUEUED,
                    to_status=Status.PROCESSING,
                    correlation_id=self._invocation.request_id,
                )


def _now() -> float:
    return asyncio.get_running_loop().time()
