"""One hostile input in a process of its own: what it does to memory, and how long it takes.

    python -m tests.hostile.lone

Reads requests from stdin, a line of JSON each, and answers each with one. Every request is served by a fork of this
process, which has imported everything and then does the same job on a harmless site. Its growth is the kernel's high-water
mark of resident memory less what it had after that: no Python object and no C buffer escapes it, though freed again. Its
time is the clock's, less what the process (all threads) spent ready to run while the processor was given to others: on a
busy machine the rest is the same.
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
from tests.hostile.working import outcome_in

HARMLESS = "shop.example"


def main() -> None:
    """Serves until stdin ends."""
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
    before, began, waited = _memory("VmRSS"), time.monotonic(), _waited()
    code = asyncio.run(_code(**request))
    seconds = time.monotonic() - began - (_waited() - waited)
    return {"code": code, "kib": _memory("VmHWM") - before, "seconds": seconds}


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


def _memory(name: str) -> int:
    """KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _waited() -> float:
    """Seconds that the threads that there are have spent waiting for a processor."""
    nanoseconds = 0
    for task in Path("/proc/self/task").iterdir():
        try:
            nanoseconds += int((task / "schedstat").read_text().split()[1])
        except OSError:  # over, or a kernel that does not count
            continue
    return nanoseconds / 1e9


if __name__ == "__main__":
    main()
