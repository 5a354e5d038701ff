"""What is fuzzed: a function of bytes, and what must hold of it whatever the bytes are."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass


class Broken(AssertionError):
    """A property does not hold; the message says which, and of what."""


@dataclass(frozen=True)
class Target:
    """``check`` takes any bytes and returns; whatever it raises is a finding. ``seeds`` are real inputs to start from.

    An input may cost 0.5 s of processor time and ``seconds_per_megabyte`` of its size on top of that.
    """

    name: str
    about: str
    check: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    words: tuple[bytes, ...]
    """Pieces that mean something here, thrown in by the mutations."""
    seconds_per_megabyte: float = 5.0


def hold(holds: bool, what: str, value: object = "") -> None:
    """Raises :class:`Broken` unless ``holds``."""
    if not holds:
        raise Broken(f"{what}: {value!r:.500}" if value != "" else what)
