"""What a job receives in addition to its record."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from scrapersky.runtime.outcomes import Outcome
from scrapersky.settings import Settings

if TYPE_CHECKING:
    from scrapersky.web.client import WebClient


@dataclass(frozen=True)
class JobContext:
    """The tools for the work on one record. ``deadline`` is in the event loop's time, seconds."""

    web_client: "WebClient | None"
    settings: Settings
    logger: Logger
    deadline: float
    secret: Callable[[str], Awaitable[str]] = field(repr=False)
    """Read a secret by its name from Secrets Manager (cached). Never log its value."""
    spend: Callable[[str], Awaitable[None]] = field(repr=False)
    """Charge one paid call to the budget ``places`` or ``proxy`` and to this record, before the call is made. Raises
    Misconfigured ``budget_of_the_day`` or Permanent ``budget_of_the_record`` when the call must not be made."""

    @property
    def web(self) -> "WebClient":
        """The guarded web client. Raises RuntimeError if the workflow is registered without one."""
        if self.web_client is None:
            raise RuntimeError(
                "this job has no web client: set uses_web or uses_places_api of its workflow in the registry"
            )
        return self.web_client

    def remaining(self) -> float:
        """Return the seconds left for this record, at least 0."""
        return max(0.0, self.deadline - asyncio.get_running_loop().time())


Job = Callable[[Any, JobContext], Awaitable[Outcome]]
"""``async def job(record, ctx) -> Outcome``: ``record`` is a detached, read-only model instance; there is no session."""
