"""Leases on hosts: what a worker asks for before it speaks to one, where there are other workers too."""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from scrapersky.errors import FetchPostponed


class Leases(Protocol):
    """Which hosts this worker may talk to now."""

    def use(self, host: str) -> AbstractAsyncContextManager[None]:
        """Inside, ``host`` is in use; some time after the last use it is given back."""
        ...

    async def hold(self, host: str, seconds: float) -> None:
        """Returns when ``host`` is this worker's for ``seconds``. Raises FetchError: host_busy, host_resting."""
        ...

    def started(self, host: str, spacing: float) -> None:
        """A request has started, and no other may in the next ``spacing`` seconds, whichever worker's."""
        ...

    def rest(self, host: str, seconds: float) -> None:
        """Nobody may talk to ``host`` for ``seconds``; the other workers are told in a moment."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of the wish for a host: it is ours (``held``), or another's, or ``resting``, for ``seconds``."""

    held: bool
    resting: bool
    seconds: float


class LeaseStore(Protocol):
    """Where all workers keep their leases; it knows the name of this one.

    Only :meth:`take` may raise: what is not given back ends by itself.
    """

    async def take(self, wanted: Mapping[str, float]) -> Mapping[str, Answer]:
        """Takes or prolongs each host for so many seconds, if it is free or ours."""
        ...

    async def give_back(self, rests: Mapping[str, float]) -> None:
        """Gives back what is ours of these hosts: each may be taken again in so many seconds."""
        ...

    async def rest(self, host: str, seconds: float) -> None:
        """Nobody may take ``host`` for ``seconds``."""
        ...


def resting(host: str, seconds: float) -> FetchPostponed:
    """The host asked to be left alone for longer than we are ready to wait."""
    return FetchPostponed("host_resting", f"{host} asked to be left alone for {seconds:.0f} s more", seconds)


def busy(host: str, patience: float) -> FetchPostponed:
    """Another worker speaks to the host for longer than we are ready to wait; not all come back at the same time."""
    after = patience * random.uniform(0.5, 1.5)  # noqa: S311
    return FetchPostponed("host_busy", f"another worker was speaking to {host} for more than {patience:g} s", after)


class Alone:
    """The leases of a worker that has the internet for itself."""

    @asynccontextmanager
    async def use(self, host: str) -> AsyncIterator[None]:  # noqa: ARG002
        """Nothing to remember."""
        yield

    async def hold(self, host: str, seconds: float) -> None:
        """Every host is its own."""

    def started(self, host: str, spacing: float) -> None:
        """Nobody else to hold back."""

    def rest(self, host: str, seconds: float) -> None:
        """Nobody else to tell."""
