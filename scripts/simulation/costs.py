"""What a record takes: how long its site makes us wait, and the work of processor and database. Calibrated, or said."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from scripts.bench.crawling.web import host

DOORS_SECONDS = 10.0
"""A host that never answers: https and then http, five seconds each, as the bench of the pipeline sets it."""

Wait = Callable[[random.Random], float]
"""Draws the seconds that one record's site makes us wait."""


@dataclass(frozen=True)
class Work:
    """Processor seconds of one record in the function (on one whole core) and in the database, and a start's."""

    function_seconds: float
    database_seconds: float
    cold_start_seconds: float
    invocation_seconds: float = 0.005


def bench_web(requests: int = 2, handshake: float = 0.0) -> Wait:
    """The web of the bench: robots.txt and the page, of hosts drawn from those of its rule."""

    def wait(rng: random.Random) -> float:
        return wait_of(rng.randrange(1, 1_001), requests) + handshake

    return wait


def wait_of(number: int, requests: int = 2) -> float:
    """The wait for host ``number`` of the bench's web."""
    one = host(number)
    if not one.exists:
        return 0.0
    return DOORS_SECONDS if one.seconds is None else requests * one.seconds


def steady(seconds: float) -> Wait:
    """Every site takes about as long: half to one and a half times ``seconds``."""
    return lambda rng: seconds * (0.5 + rng.random())
