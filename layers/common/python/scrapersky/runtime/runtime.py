"""The runtime: one Lambda function per service, with three entry points.

- the schedule's **tick**: recover what was lost, claim what is due, send messages (:mod:`scrapersky.runtime.tick`);
- a **batch** of messages: work on each, concurrently (:mod:`scrapersky.runtime.batch`);
- a **manual** payload of an operator (:mod:`scrapersky.runtime.manual`).

A service is declared, not programmed::

    service = BackgroundService(
        SITEMAP_IMPORT_SCHEDULER, {IMPORT: "sitemap_import_scheduler.sitemap_import:import_sitemap"}
    )
    handler = service.handler
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scrapersky.database import Database, ReadSecret
from scrapersky.importing import importing
from scrapersky.metrics import Observer
from scrapersky.runtime.context import Job
from scrapersky.runtime.jobs import Jobs, NamedJob
from scrapersky.runtime.queue import MessageQueue
from scrapersky.runtime.registry import Service
from scrapersky.secret_store import read_secret
from scrapersky.settings import ServiceSettings, Settings, load
from scrapersky.status.retry_policy import Backoff
from scrapersky.status.workflow import Workflow


@dataclass(frozen=True)
class Runtime:
    """Everything the three entry points share, made once per cold start."""

    service: Service
    jobs: Mapping[str, Job]
    settings: Settings
    own: ServiceSettings
    database: Database
    queue: MessageQueue
    observer: Observer
    read_secret: ReadSecret

    def workflow(self, name: str) -> Workflow:
        """The service's workflow ``name``. Raises KeyError naming those it has."""
        for workflow in self.service.workflows:
            if workflow.name == name:
                return workflow
        known = ", ".join(workflow.name for workflow in self.service.workflows)
        raise KeyError(f"workflow {name!r} is not of {self.service.name}, which has: {known}")

    @property
    def backoff(self) -> Backoff:
        """The backoff of classified failures."""
        settings = self.settings
        return Backoff(settings.retry_base_seconds, settings.retry_cap_seconds, settings.retry_max_failures)


class BackgroundService:
    """A service's Lambda function: ``jobs`` maps each of its workflows to the job that does the work, or to its name."""

    def __init__(
        self,
        service: Service,
        jobs: Mapping[Workflow, NamedJob],
        environment: Mapping[str, str] | None = None,
        secrets: ReadSecret = read_secret,
    ) -> None:
        environment = os.environ if environment is None else environment
        settings = load(Settings, environment)
        self.runtime = Runtime(
            service=service,
            jobs=Jobs(service, jobs),
            settings=settings,
            own=load(ServiceSettings, environment, f"{service.env_prefix}_", service.defaults),
            database=Database(settings, service.name, secrets),
            queue=MessageQueue(environment.get("QUEUE_URL", "")),
            observer=Observer(service.name, settings.stage),
            read_secret=secrets,
        )

    def handler(self, event: Any, context: Any) -> dict[str, Any]:
        """Lambda's entry point: tells the three kinds of events apart and answers with JSON.

        Each entry point is imported when it is first used: a tick needs no web client.
        """
        fields = event if isinstance(event, dict) else {}  # an operator may send any JSON
        try:
            if "Records" in fields:
                with importing():
                    from scrapersky.runtime.batch import work_on  # noqa: PLC0415

                return work_on(self.runtime, fields["Records"], context)
            if fields.get("detail-type") == "Scheduled Event":
                from scrapersky.runtime.tick import tick  # noqa: PLC0415

                return tick(self.runtime, context.aws_request_id)
            from scrapersky.runtime.manual import answer  # noqa: PLC0415

            return answer(self.runtime, event, context)
        finally:
            self.runtime.observer.flush()
