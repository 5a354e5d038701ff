"""Imports without the garbage collector: a sixth of a cold start.

What modules make lives as long as the process. While it grows, the collector goes through all of it again and again, and
finds nothing.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Imports in the block are interrupted by no collection, and what was made counts as old at once."""
    gc.disable()
    try:
        yield
    finally:
        # Frozen and thawed it is in the oldest generation, and not what the next collection of the youngest goes through.
        gc.freeze()
        gc.unfreeze()
        gc.enable()
