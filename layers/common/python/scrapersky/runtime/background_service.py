"""A service's Lambda function, with three entry points.

- **tick** of the schedule: recover expired attempts, claim due records, send messages (:mod:`scrapersky.runtime.tick`);
- **batch** of messages: work on the records, concurrently (:mod:`scrapersky.runtime.batch`);
- **manual payload** of an operator (:mod:`scrapersky.runtime.manual`).

A handler module is::

    service = BackgroundService(SITEMAP_SCHEDULER)
    handler = service.handler
"""

import os
import time
from collections.abc import Mapping
from typing import Any

from scrapersky.database import Database, ReadSecret
from scrapersky.metrics import Observer
from scrapersky.runtime.batch import work_on
from scrapersky.runtime.context import Job
from scrapersky.runtime.manual import answer
from scrapersky.runtime.messages import MessageQueue
from scrapersky.runtime.registry import Service
from scrapersky.runtime.runtime import Runtime
from scrapersky.runtime.tick import tick
from scrapersky.secret_store import read_secret
from scrapersky.settings import ServiceSettings, Settings, load
from scrapersky.status.workflow import Workflow

END_SECONDS = 1.0
"""Left at the end of an invocation to log and to write the metrics, whatever the database does."""


class BackgroundService:
    """The Lambda function of ``service``. ``jobs`` replace the registry's, for tests and benchmarks."""

    def __init__(
        self,
        service: Service,
        jobs: Mapping[Workflow, Job] | None = None,
        environment: Mapping[str, str] | None = None,
        secrets: ReadSecret = read_secret,
    ) -> None:
        environment = os.environ if environment is None else environment
        settings = load(Settings, environment)
        self.runtime = Runtime(
            service=service,
            settings=settings,
            service_settings=load(ServiceSettings, environment, f"{service.env_prefix}_", service.defaults),
            database=Database(settings, service.name, secrets),
            queue=MessageQueue(environment.get("QUEUE_URL", "")),
            observer=Observer(service.name, settings.stage),
            read_secret=secrets,
            jobs=jobs or {},
        )

    def handler(self, event: Any, context: Any) -> dict[str, Any]:
        """Serve one Lambda event and return JSON."""
        self.runtime.observer.begin(context)
        fields = event if isinstance(event, dict) else {}  # an operator may send any JSON
        self.runtime.database.end = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - END_SECONDS
        try:
            if "Records" in fields:
                return work_on(self.runtime, fields["Records"], context)
            if fields.get("detail-type") == "Scheduled Event":
                return tick(self.runtime, context.aws_request_id)
            return answer(self.runtime, event, context)
        finally:
            self.runtime.observer.flush()
