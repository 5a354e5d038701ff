"""Virtual time: seconds that pass when the run says so, for queues and (by :mod:`tests.chaos.lapse`) for leases."""


class Clock:
    """Starts at 0 and never goes back."""

    def __init__(self) -> None:
        self.now = 0.0

    def advance(self, seconds: float) -> None:
        """Lets ``seconds`` pass."""
        if seconds < 0:
            raise ValueError(f"advance({seconds}): time does not go back")
        self.now += seconds
