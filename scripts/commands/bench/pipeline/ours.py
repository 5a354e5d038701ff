"""Ours: ticks claim and send messages, and execution environments (processes, as on Lambda) receive them in batches.

SQS is a list here, and the event source a loop that gives a free environment at most one batch of waiting messages.
Everything else is the deployed function: its handler, its settings, its log lines.
"""

import asyncio
import math
import multiprocessing
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from scrapersky.runtime import batch, tick
from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.messages import MESSAGES_PER_INVOCATION
from scrapersky.runtime.registry import METADATA, WORKFLOWS, service_of
from scrapersky.runtime.runtime import Runtime
from scripts.commands.bench.pipeline.job import FILL, FILL_PAGES, warm_up
from scripts.commands.bench.status_machine.ours import open_database
from scripts.commands.bench.status_machine.ours_runtime import Invocation, Messages

TICK_SECONDS = 1.0
"""Instead of a minute, as a drain takes less than one."""


def prepare(url: str, records: int, workflow: str) -> None:
    """Queue the records: domains, or a contact page of each."""
    with open_database(url).autocommit() as connection:
        domains = workflow == METADATA.name
        connection.execute(text(FILL), {"records": records, "status": "Queued" if domains else "New"})
        if not domains:
            connection.execute(text(FILL_PAGES))


def work(
    url: str,
    records: int,  # noqa: ARG001 - for other contenders
    settings: Mapping[str, str],
    at_once: int,
    workflow: str,
    go: Callable[[], None],
    together: int | None = None,
) -> dict[str, int]:
    """Drain the queue with ``at_once`` / ``together`` environments (2); return how many invocations that took."""
    together = together or math.ceil(at_once / 2)
    prefix = service_of(WORKFLOWS[workflow]).env_prefix
    environment = {
        **settings,
        "DATABASE_URL": url,
        "STAGE": "bench",
        "RETRY_MAX_FAILURES": "1",
        f"{prefix}_BATCH_SIZE": str(at_once),
        f"{prefix}_MAX_IN_FLIGHT": str(2 * at_once),
        f"{prefix}_RECORDS_AT_ONCE": str(together),
    }
    environments = [_start(environment, workflow) for _ in range(max(1, at_once // together))]
    try:
        for pipe, _ in environments:
            pipe.recv()  # imported, and connected to the database
        messages = Messages()
        runtime = replace(_runtime(environment, workflow), queue=messages)  # type: ignore[arg-type]
        go()
        return {"invocations": _deliver(runtime, messages, workflow, [pipe for pipe, _ in environments])}
    finally:
        for pipe, _ in environments:
            pipe.close()
        for _, process in environments:
            process.join()


def _deliver(runtime: Runtime, messages: Messages, workflow: str, environments: list[Pipe]) -> int:
    """Tick and deliver until a tick finds no record queued or in flight; return the number of invocations."""
    free, busy, invocations, left = list(environments), set[Pipe](), 0, True
    next_tick = time.monotonic()
    while left or busy or messages.waiting:
        if time.monotonic() >= next_tick:
            counts = tick.tick(runtime, "bench")["workflows"][workflow]
            left = bool(counts["queued"] or counts["processing"])
            runtime.observer.flush()
            next_tick = time.monotonic() + TICK_SECONDS
        while free and messages.waiting:
            pipe, sent = free.pop(), messages.waiting[:MESSAGES_PER_INVOCATION]
            del messages.waiting[: len(sent)]
            pipe.send(sent)
            busy.add(pipe)
            invocations += 1
        answered: list[Any] = wait(list(busy), timeout=max(0.0, next_tick - time.monotonic()))
        for pipe in answered:
            if (answer := pipe.recv())["batchItemFailures"]:
                raise RuntimeError(f"messages were returned to the queue: {answer}")
            busy.remove(pipe)
            free.append(pipe)
    return invocations


def _start(environment: Mapping[str, str], workflow: str) -> tuple[Pipe, Any]:
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=_environment, args=(there, dict(environment), workflow))
    process.start()
    return here, process


def _environment(pipe: Pipe, environment: dict[str, str], workflow: str) -> None:
    runtime = _runtime(environment, workflow)
    asyncio.run(warm_up(runtime.settings, runtime.page_reader.read, WORKFLOWS[workflow]))
    with runtime.database.autocommit():
        pipe.send("ready")
    with suppress(EOFError):  # the pipe is closed at the end
        while True:
            answer = batch.work_on(runtime, pipe.recv(), Invocation(aws_request_id=uuid4().hex))
            runtime.observer.flush()
            pipe.send(answer)
    runtime.page_reader.close()  # waits for it, so that its processor time counts


def _runtime(environment: Mapping[str, str], workflow: str) -> Runtime:
    return BackgroundService(service_of(WORKFLOWS[workflow]), environment=environment).runtime
