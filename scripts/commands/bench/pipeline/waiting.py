"""What a scheduler's interval adds to the batches it starts."""

from collections.abc import Sequence


def with_waiting(batches: Sequence[float], every: float = 60.0) -> float:
    """Seconds until the last batch ends when one may begin only at each full ``every`` seconds, and none beside another."""
    clock = ended = 0.0
    for seconds in batches:
        ended = clock + seconds
        clock = every * -(-ended // every)
    return ended
