"""What the entry points of one service share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pkgutil import resolve_name

from scrapersky.database import Database, ReadSecret
from scrapersky.metrics import Observer
from scrapersky.runtime.context import Job
from scrapersky.runtime.messages import MessageQueue
from scrapersky.runtime.registry import Service
from scrapersky.settings import ServiceSettings, Settings
from scrapersky.status.retry_policy import Backoff
from scrapersky.status.workflow import Workflow
from scrapersky.web.reading.reader import PageReader


@dataclass(frozen=True)
class Runtime:
    """Made once per cold start. ``jobs`` replace the registry's, for tests and benchmarks."""

    service: Service
    settings: Settings
    service_settings: ServiceSettings
    database: Database
    queue: MessageQueue
    observer: Observer
    read_secret: ReadSecret
    jobs: Mapping[Workflow, Job] = field(default_factory=dict)

    def workflow(self, name: str) -> Workflow:
        """Return the service's workflow ``name``. Raises KeyError that lists the valid names."""
        for workflow in self.service.workflows:
            if workflow.name == name:
                return workflow
        known = ", ".join(workflow.name for workflow in self.service.workflows)
        raise KeyError(f"{self.service.name} has no workflow {name!r}; it has: {known}")

    def job_of(self, workflow: Workflow) -> Job:
        """Return the job of ``workflow``, imported now.

        A tick must not pay for this import: the jobs need the web client and parsers, which take longer than the tick.
        """
        if workflow in self.jobs:
            return self.jobs[workflow]
        job: Job = resolve_name(workflow.job)
        return job

    @cached_property
    def page_reader(self) -> PageReader:
        """The reader whose child process serves all invocations of this environment."""
        functions = [workflow.page_function for workflow in self.service.workflows if workflow.page_function]
        return PageReader(self.settings, functions)

    @property
    def backoff(self) -> Backoff:
        """The backoff of failures that may pass."""
        settings = self.settings
        return Backoff(settings.retry_base_seconds, settings.retry_cap_seconds, settings.retry_max_failures)
