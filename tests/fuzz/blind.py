"""Fuzzing without a guide: mutations of the seeds, as many as there is time for."""

import time
from random import Random

from tests.fuzz.mutation import mutated
from tests.fuzz.watch import Watch


def fuzz(watch: Watch, seconds: float, seed: int) -> None:
    """Every seed as it is, then mutations, for ``seconds`` of processor time."""
    random = Random(seed)
    seeds = [bytes(data) for data in watch.target.seeds()]
    ends_at = time.process_time() + seconds
    for data in seeds:
        watch.run(data)
    while time.process_time() < ends_at:
        data = mutated(random.choice(seeds), seeds, watch.target.words, random)
        watch.run(data)
