"""Pull more work into a running invocation: when, of which workflow, and how much.

- Only while more than PULL_MINIMUM_SECONDS are left, and one pull at a time.
- A workflow is asked when a quarter of the slots is free for it, or any slot while it has no job here.
- Each other workflow of the service without a job keeps one slot free, so that a record that falls due later does not
  wait for the slow ones of its neighbour. Free slots are shared evenly between the workflows that are asked.
- The workflow with the fewest jobs is asked first; of those with as many, the one that was asked longest ago.
- A workflow that had nothing is asked again after 1 s, then 2 s, up to 10 s; at once when no job runs any more.
- Where a reply was lost, or records could not be read, attempts may have been started without being worked on. They are
  looked for until the database answers, before anything else is pulled and before the invocation returns.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from scrapersky.runtime.invocation import Invocation
from scrapersky.runtime.messages import Delivery
from scrapersky.runtime.runtime import Runtime
from scrapersky.runtime.work import Work
from scrapersky.status.pull import Pulled, find_unanswered, pull
from scrapersky.status.start import Started
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import AttemptId, Status

FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 10.0


@dataclass
class _Turn:
    """When a workflow may be asked again (event loop's time), and how long it waits after the next empty pull."""

    at: float = 0.0
    wait: float = FIRST_WAIT_SECONDS


class Puller:
    """Pulls for the jobs of ``work``. ``deliveries``: the messages that woke the invocation up."""

    def __init__(
        self, runtime: Runtime, invocation: Invocation, work: Work, deliveries: Mapping[AttemptId, Delivery]
    ) -> None:
        self._runtime = runtime
        self._invocation = invocation
        self._work = work
        self._deliveries = deliveries
        self._slots = runtime.service_settings.records_at_once
        self._turns = {workflow: _Turn() for workflow in runtime.service.workflows}

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

    async def begin(self, attempts: Sequence[Started]) -> None:
        """Begin to work on ``attempts``, those of messages with what their message says."""
        await self._work.begin(map(self._with_delivery, attempts))

    async def take_up(self) -> list[Pulled]:
        """Begin what this invocation has started and does not know; the server may need a moment to commit it.

        Tries again until the database answers, or no time is left: then recovery will pick it up. So it will where the
        database answers with an error that does not pass.
        """
        wait = FIRST_WAIT_SECONDS
        while self._work.end - _now() > self._runtime.settings.saving_seconds + wait:
            await asyncio.sleep(wait)
            try:
                found = await self._work.query(self._find_unanswered)
                await self._begin(found)
            except Exception as error:
                self._runtime.observer.log.exception("could not look for what was started")
                if not self._runtime.database.may_pass(error):
                    return []
                wait = min(2 * wait, LONGEST_WAIT_SECONDS)
            else:
                return found
        return []

    async def _pull(self, workflow: Workflow, room: int) -> None:
        pulled: list[Pulled] = []
        is_connected = False
        try:
            await self._work.query(lambda _: None)
            is_connected = True  # what fails from here on may have started attempts
            left = self._work.end - _now()
            if self._has_time():  # connecting may have taken some
                pulled = await self._work.query(lambda connection: self._ask(connection, workflow, room, left))
                await self._begin(pulled)
        except Exception:
            self._runtime.observer.log.exception("could not pull", extra={"workflow": workflow.name})
            if is_connected:
                pulled = await self.take_up()
        turn = self._turns.pop(workflow)
        turn = _Turn() if pulled else _Turn(_now() + turn.wait, min(2 * turn.wait, LONGEST_WAIT_SECONDS))
        self._turns[workflow] = turn  # behind all others

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
        await self.begin([one.attempt for one in pulled])
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

    def _with_delivery(self, attempt: Started) -> Started:
        delivery = self._deliveries.get(attempt.attempt_id)
        if delivery is None:
            return attempt
        return replace(attempt, receive_count=delivery.receive_count, correlation_id=delivery.correlation_id)


def _now() -> float:
    return asyncio.get_running_loop().time()
