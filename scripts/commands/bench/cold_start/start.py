"""One cold start in this process: milliseconds to import the handler, and to answer its first event."""

import asyncio
import os
import sys
import time
from contextlib import nullcontext
from importlib import import_module
from typing import Any

EVENTS: dict[str, dict[str, Any] | None] = {
    "import": None,
    "tick": {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}, "resources": []},
    "batch": {
        "Records": [
            {
                "messageId": "1",
                "receiptHandle": "1",
                "body": '{"v":1,"workflow":"%s","attempt_id":1}',
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
            }
        ]
    },
}
EVENTS["work"] = EVENTS["batch"]
"""A tick with nothing due, and a batch with one stale message: the function starts, queries its database, and returns.

``work`` is such a batch, and then what a live message needs before its job starts: its record loaded, the web client open,
the job imported.
"""


class Context:
    """The Lambda context."""

    function_name = "bench"
    function_version = "1"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:000000000000:function:bench"
    aws_request_id = "bench"

    def get_remaining_time_in_millis(self) -> int:
        """Return three minutes."""
        return 180_000


def start(handler_module: str, event: str, url: str, workflow: str = "metadata") -> dict[str, float]:
    """Import ``handler_module`` and pass ``event`` to its handler; return the milliseconds and modules."""
    os.environ |= {"DATABASE_URL": url, "STAGE": "bench", "QUEUE_URL": "https://sqs.example/messages"}
    modules = len(sys.modules)
    began, cpu = time.perf_counter(), time.process_time()
    module = import_module(handler_module)
    imported = time.perf_counter()
    chosen = EVENTS[event]
    if chosen is not None:
        for record in chosen.get("Records", []):
            record["body"] %= workflow
        module.handler(chosen, Context())
    if event == "work":
        make_ready(module.service, workflow)
    ended = time.perf_counter()
    return {
        "import_ms": 1000 * (imported - began),
        "first_ms": 1000 * (ended - imported),
        "cpu_ms": 1000 * (time.process_time() - cpu),
        "modules": len(sys.modules) - modules,
    }


def make_ready(service: Any, name: str) -> None:
    """Prepare the first record of the workflow ``name`` as a batch does, up to the start of its job."""
    from scrapersky.runtime.invocation import Invocation  # noqa: PLC0415 - its import is measured
    from scrapersky.runtime.work import open_web, read_records  # noqa: PLC0415 - its import is measured
    from scrapersky.status.start import Started  # noqa: PLC0415
    from scrapersky.vocabulary import AttemptId, RecordId  # noqa: PLC0415

    runtime, started = service.runtime, [Started(AttemptId(0), name, RecordId(0))]

    async def open_web_client() -> None:
        workflow = runtime.workflow(name)
        client = open_web(runtime, Invocation.of(Context()))
        async with client if workflow.needs_web_client else nullcontext():
            runtime.job_of(workflow)

    with runtime.database.autocommit() as connection:
        read_records(runtime, connection, started)
    asyncio.run(open_web_client())
