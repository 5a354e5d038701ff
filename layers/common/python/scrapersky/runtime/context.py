"""What a job receives in addition to its record."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from sqlalchemy import Connection

from scrapersky.runtime.outcomes import Outcome
from scrapersky.settings import Settings

if TYPE_CHECKING:
    from scrapersky.web.client import WebClient


class Deadline:
    """When the work on one record is stopped: after ``seconds``, at the latest at ``end`` (event loop's time)."""

    def __init__(self, seconds: float, end: float = math.inf) -> None:
        self._end = end
        self._timeout = asyncio.timeout_at(min(asyncio.get_running_loop().time() + seconds, end))

    @asynccontextmanager
    async def enforced(self) -> AsyncIterator[None]:
        """Raise TimeoutError when the deadline passes."""
        async with self._timeout:
            yield

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Do not count this time, in which the record waits for something that other records use."""
        loop, at = asyncio.get_running_loop(), self.at
        began = loop.time()
        self._timeout.reschedule(self._end)
        try:
            yield
        finally:
            if not self._timeout.expired():
                self._timeout.reschedule(min(at + loop.time() - began, self._end))

    @property
    def at(self) -> float:
        """The event loop's time at which the deadline passes."""
        at = self._timeout.when()
        assert at is not None
        return at

    @property
    def has_passed(self) -> bool:
        """Whether the deadline has stopped the work."""
        return self._timeout.expired()

    @property
    def is_end(self) -> bool:
        """Whether it is the end of the invocation, and not the record's own time, that stops the work."""
        return self.at >= self._end


def _no_database(_: object) -> Any:
    raise RuntimeError("this context has no database")


@dataclass(frozen=True)
class JobContext:
    """The tools for the work on one record."""

    web_client: "WebClient | None"
    settings: Settings
    logger: Logger
    deadline: Deadline
    secret: Callable[[str], Awaitable[str]] = field(repr=False)
    """Read a secret by its name from Secrets Manager (cached). Never log its value."""
    spend: Callable[..., Awaitable[None]] = field(repr=False)
    """``await spend(budget, charged)``: charge one paid call to the budget ``places`` or ``proxy``, and to the record
    ``charged`` of the workflow (by default this one), before the call is made. Raises Misconfigured
    ``budget_of_the_day`` or Permanent ``budget_of_the_record`` when the call must not be made."""

    read_page: Callable[..., Awaitable[dict[str, Any]]] = field(repr=False)
    """``await read_page(fetched, **options)``: call the workflow's ``page_function`` in the child process. Raises
    Permanent ``too_complex`` for a page that takes too much memory or processor time. Waiting for the child does not
    count against the record's deadline."""

    read: Callable[[Callable[[Connection], Any]], Any] = field(repr=False, default=_no_database)
    """Call a function that reads, with a connection in a transaction of its own. From a thread of the job's own: it waits
    until the database's thread is free."""

    @property
    def web(self) -> "WebClient":
        """The guarded web client. Raises RuntimeError if the workflow is registered without one."""
        if self.web_client is None:
            raise RuntimeError(
                "this job has no web client: set uses_web or uses_places_api of its workflow in the registry"
            )
        return self.web_client

    @property
    def page_limits(self) -> dict[str, Any]:
        """The options of :class:`scrapersky.extraction.page.PageLimits`, for page functions."""
        return {
            "text": self.settings.metadata_max_text,
            "contacts": self.settings.metadata_max_contacts,
            "json_bytes": self.settings.metadata_max_json_bytes,
            "reserved_hosts": self.settings.web_loopback_internet is not None,
            "opt_outs": self.settings.page_opt_outs.split(","),
            "agent": self.settings.web_user_agent_token,
            "keep": self.settings.kept_categories,
        }

    def remaining(self) -> float:
        """Return the seconds left for this record, at least 0."""
        return max(0.0, self.deadline.at - asyncio.get_running_loop().time())


Job = Callable[[Any, JobContext], Awaitable[Outcome]]
"""``async def job(record, ctx) -> Outcome``: ``record`` is a detached, read-only model instance without a session."""
