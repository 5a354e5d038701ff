"""Measures the memory and time that one hostile input takes, in a process of its own.

    python -m tests.hostile.isolated

Reads requests from stdin and writes one answer to each, as lines of JSON. Every request is served by a fork of this
process, which has imported everything and first does the same job on a harmless site. Memory growth is the kernel's
high-water mark of resident memory minus the resident memory after that: it includes every Python object and C buffer, also
those that have been freed. Time is wall-clock time minus the time that the threads of the process waited for a processor,
so that it is the same on a busy machine.
"""

import asyncio
import gc
import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from scrapersky.politeness.limiter import HostLimiter
from scrapersky.settings import Settings
from scrapersky.web.client import FetchError, WebClient
from tests.hostile.running import outcome_in

HARMLESS = "shop.example"


def main() -> None:
    """Serve requests until stdin ends."""
    logging.disable(logging.CRITICAL)
    gc.freeze()
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if not child:
            print(json.dumps(_served(request)), flush=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            print(json.dumps({"code": f"killed: {status}", "kib": 0, "seconds": 0}), flush=True)


def _served(request: dict[str, Any]) -> dict[str, Any]:
    harmless = {"host": HARMLESS, "settings": request["settings"] | {"places_base_url": f"http://{HARMLESS}"}}
    asyncio.run(_code(**request | harmless))
    gc.collect()
    before, began, waited = _memory_kib("VmRSS"), time.monotonic(), _waiting_seconds()
    code = asyncio.run(_code(**request))
    seconds = time.monotonic() - began - (_waiting_seconds() - waited)
    return {"code": code, "kib": _memory_kib("VmHWM") - before, "seconds": seconds}


async def _code(job: str, host: str, path: str, settings: dict[str, Any]) -> str:
    if job not in {"get", "robots"}:
        return (await outcome_in(job, host, path, settings)).code
    known = Settings.model_validate(settings)
    async with WebClient(known, HostLimiter(known)) as web:
        url = f"http://{host}{path}"
        try:
            if job == "robots":
                return f"{len((await web.robots(url)).sitemaps)} sitemaps"
            return str((await web.get(url, robots=False)).status)
        except FetchError as failure:
            return failure.code


def _memory_kib(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _waiting_seconds() -> float:
    """Return how long the current threads have waited for a processor."""
    nanoseconds = 0
    for task in Path("/proc/self/task").iterdir():
        try:
            nanoseconds += int((task / "schedstat").read_text().split()[1])
        except OSError:  # the thread has ended, or the kernel does not count
            continue
    return nanoseconds / 1e9


if __name__ == "__main__":
    main()
