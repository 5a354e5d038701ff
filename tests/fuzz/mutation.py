"""Random mutations of real input, and the loop that fuzzes a target with them, without coverage feedback."""

import time
from collections.abc import Sequence
from random import Random

from tests.fuzz.runner import Runner

MAX_CHANGES = 8
MAX_BYTES = 200_000
_ODD_BYTES = b"\x00\x01\x09\x0a\x0d\x1f \"#&'<>@\\\x7f\x80\x8b\xbf\xc0\xed\xef\xfe\xff"


def fuzz(runner: Runner, seconds: float, seed: int) -> None:
    """Run every seed unchanged, then mutations until ``seconds`` of processor time have passed."""
    random = Random(seed)
    seeds = [bytes(data) for data in runner.target.seeds()]
    ends_at = time.process_time() + seconds
    for data in seeds:
        runner.run(data)
    while time.process_time() < ends_at:
        data = mutate(random.choice(seeds), seeds, runner.target.words, random)
        runner.run(data)


def mutate(data: bytes, others: Sequence[bytes], words: Sequence[bytes], random: Random) -> bytes:
    """Return ``data`` with up to :data:`MAX_CHANGES` changes, some of them taken from ``others`` and ``words``."""
    body = bytearray(data)
    for _ in range(random.randint(1, MAX_CHANGES)):
        at, to = _span(len(body), random)
        match random.randrange(9):
            case 0:
                body[at:to] = b""
            case 1:
                body[at:at] = random.choice(words)
            case 2:
                body[at:to] = random.choice(words)
            case 3 if body:
                body[min(at, len(body) - 1)] = random.choice(_ODD_BYTES)
            case 4:
                body[at:at] = body[at:to] * _times(to - at, random)
            case 5:
                body[at:at] = random.choice(words) * _times(20, random)
            case 6:
                other = random.choice(others)
                start, end = _span(len(other), random)
                body[at:to] = other[start:end]
            case 7:
                body[at:to] = bytes(body[at:to]).swapcase()
            case _:
                del body[at:]
    return bytes(body[:MAX_BYTES])


def _span(length: int, random: Random) -> tuple[int, int]:
    """Return the bounds of a random stretch within ``length`` bytes: mostly short, sometimes all of it."""
    at = random.randint(0, length)
    return at, min(length, at + random.choice((0, 1, 4, 16, 64, 1_024, length)))


def _times(length: int, random: Random) -> int:
    return min(random.choice((1, 2, 10, 100, 5_000)), 100_000 // (length + 1))
