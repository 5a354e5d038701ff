"""Something that serves so many at once, first come first served: processors, a database's cores."""

from collections import deque
from collections.abc import Callable

from scripts.simulation.clock import Clock


class Servers:
    """``count`` servers, each doing one second of work in ``1 / speed`` seconds."""

    def __init__(self, clock: Clock, count: int, speed: float = 1.0) -> None:
        if count < 1 or speed <= 0:
            raise ValueError(f"{count} servers of speed {speed}: at least one, of a positive speed, is right")
        self._clock = clock
        self._free = count
        self._speed = speed
        self._waiting: deque[tuple[float, Callable[[], None]]] = deque()
        self.busy_seconds = 0.0
        self.count = count

    def serve(self, work: float, then: Callable[[], None]) -> None:
        """Does ``work`` seconds of work as soon as a server is free, then ``then``."""
        if self._free:
            self._free -= 1
            self._begin(work, then)
        else:
            self._waiting.append((work, then))

    def busy_share(self, seconds: float) -> float:
        """Which share of ``seconds`` the servers worked."""
        return self.busy_seconds / (self.count * seconds) if seconds else 0.0

    def _begin(self, work: float, then: Callable[[], None]) -> None:
        taken = work / self._speed
        self.busy_seconds += taken

        def end() -> None:
            if self._waiting:
                self._begin(*self._waiting.popleft())
            else:
                self._free += 1
            then()

        self._clock.after(taken, end)
