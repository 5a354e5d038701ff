"""Simulated time: what is to happen, in order. Two things at one moment happen in the order in which they were asked for."""

import heapq
from collections.abc import Callable
from itertools import count


class Clock:
    """``now`` is seconds since the start."""

    def __init__(self) -> None:
        self.now = 0.0
        self._coming: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Lets ``do`` happen ``seconds`` from now. Raises ValueError for the past."""
        if seconds < 0:
            raise ValueError(f"{seconds} seconds from now is the past")
        heapq.heappush(self._coming, (self.now + seconds, next(self._numbers), do))

    def run(self, until: float) -> None:
        """Lets everything happen that comes before ``until``."""
        while self._coming and self._coming[0][0] <= until:
            self.now, _, do = heapq.heappop(self._coming)
            do()
        self.now = max(self.now, until) if self._coming else self.now
