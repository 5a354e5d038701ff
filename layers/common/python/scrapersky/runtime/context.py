"""What a job gets beside its record."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from scrapersky.runtime.outcomes import Outcome
from scrapersky.settings import Settings

if TYPE_CHECKING:
    from scrapersky.web.client import WebClient


class NoWeb:
    """Stands where a job has no web client, because the registry says that its workflow needs none."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(
            f"ctx.web.{name}: this job has no web client; take its workflow out of its service's visits_no_website"
        )


@dataclass(frozen=True)
class JobContext:
    """The tools of one record's work. ``deadline`` is in the event loop's time, seconds."""

    web: "WebClient"
    settings: Settings
    logger: Logger
    deadline: float
    secret: Callable[[str], Awaitable[str]] = field(repr=False)
    """Reads a secret's value by its name from Secrets Manager (cached); never log what it returns."""
    spend: Callable[[str], Awaitable[None]] = field(repr=False)
    """Counts one paid call of the named budget (``places``) for this record, in the database, before it is made. Raises
    WorkError ``budget_of_the_day`` or ``budget_of_the_record`` when it must not be made."""

    def remaining(self) -> float:
        """Seconds left for this record; never negative."""
        return max(0.0, self.deadline - asyncio.get_running_loop().time())


Job = Callable[[Any, JobContext], Awaitable[Outcome]]
"""``async def job(record, ctx) -> Outcome``: ``record`` is a detached, read-only model instance. No database session."""
