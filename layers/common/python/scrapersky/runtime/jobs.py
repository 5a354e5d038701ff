"""A service's jobs, each imported when the first record needs it.

A tick claims and sends, once a minute in every service: it has no use for a web client, an HTML parser or a table of
telephone numbers, whose import takes longer than its whole work. So a handler names its jobs, and imports none.
"""

from collections.abc import Iterator, Mapping
from pkgutil import resolve_name

from scrapersky.importing import importing
from scrapersky.runtime.context import Job
from scrapersky.runtime.registry import Service
from scrapersky.status.workflow import Workflow

NamedJob = Job | str
"""A job, or where it stands: ``"sitemap_scheduler.discovery:discover_sitemaps"``."""


class Jobs(Mapping[str, Job]):
    """The jobs of ``service`` by their workflow's name; ``named`` has one for each of its workflows.

    Raises ValueError naming the workflows when one lacks a job, or a job has none. What ``named`` only names is imported
    when it is asked for: then ImportError or AttributeError say that it is not there.
    """

    def __init__(self, service: Service, named: Mapping[Workflow, NamedJob]) -> None:
        if named.keys() != set(service.workflows):
            wanted = ", ".join(f"{workflow.name} ({workflow.watched})" for workflow in service.workflows)
            raise ValueError(f"{service.name} needs exactly one job for each of: {wanted}")
        self._named = {workflow.name: job for workflow, job in named.items()}

    def __getitem__(self, workflow: str) -> Job:
        job = self._named[workflow]
        if isinstance(job, str):
            with importing():
                job = self._named[workflow] = resolve_name(job)
        return job

    def __iter__(self) -> Iterator[str]:
        return iter(self._named)

    def __len__(self) -> int:
        return len(self._named)
