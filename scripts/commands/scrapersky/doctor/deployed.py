"""One service as it is deployed in a stage, and the settings that its deployment was made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scrapersky.runtime.registry import Service
from scrapersky.settings import ServiceSettings, Settings, load
from scripts.commands.scrapersky.doctor.finding import Finding
from scripts.commands.scrapersky.doctor.stage import Stage


@dataclass(frozen=True)
class Deployed:
    """The function ``name`` of ``service``, its queue and its dead-letter queue, with what AWS says of each."""

    stage: Stage
    service: Service
    name: str
    function: Mapping[str, Any]
    queue_url: str
    queue: Mapping[str, str]
    dead_url: str
    dead: Mapping[str, str]

    @classmethod
    def of(cls, stage: Stage, service: Service) -> Deployed:
        """Asks AWS. Raises :class:`~scripts.commands.scrapersky.trouble.Trouble`, or boto's own errors."""
        start = construct(service)
        name = stage.output(f"{start}FunctionName")
        queue_url, dead_url = stage.output(f"{start}QueueUrl"), stage.output(f"{start}DeadLetterQueueUrl")
        return cls(
            stage=stage,
            service=service,
            name=name,
            function=stage.function(name),
            queue_url=queue_url,
            queue=stage.queue(queue_url),
            dead_url=dead_url,
            dead=stage.queue(dead_url),
        )

    @property
    def own(self) -> ServiceSettings:
        """The service's own settings, as the function reads them."""
        return load(ServiceSettings, self.function["Variables"], f"{self.service.env_prefix}_", self.service.defaults)

    @property
    def settings(self) -> Settings:
        """The shared settings, as the function reads them."""
        return load(Settings, self.function["Variables"])

    @property
    def redrive(self) -> tuple[str | None, int]:
        """Where messages go that cannot be started, and after how many deliveries."""
        policy = json.loads(self.queue.get("RedrivePolicy") or "{}")
        return policy.get("deadLetterTargetArn"), int(policy.get("maxReceiveCount", 0))

    @property
    def deploy(self) -> str:
        """The command that deploys the stage."""
        return f"scripts/cdk deploy scrapersky-{self.stage.name}"

    def finding(self, check: str, what: str, *, where: str, why: str, run: str) -> Finding:
        """A finding about this service, mended by the shell command ``run``."""
        return Finding(check=check, what=f"{self.service.name}: {what}", where=where, why=why, mend=(run,), how="shell")


def construct(service: Service) -> str:
    """What the stack's outputs about ``service`` start with: ``DomainScheduler``."""
    return "".join(word.capitalize() for word in service.name.split("-"))
