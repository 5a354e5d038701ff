"""A deployed stage, as AWS describes it: functions, queues, mappings and rules, found by the stack's outputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from scrapersky.runtime.registry import LIVE, Service
from scrapersky.settings import ServiceSettings, Settings, load
from scripts.commands.scrapersky.doctor.finding import Finding
from scripts.commands.scrapersky.errors import CommandError
from scripts.commands.scrapersky.remote import client


@dataclass
class Stage:
    """The stack ``scrapersky-<name>``. ``endpoint`` is an emulated AWS; None means AWS itself."""

    name: str
    endpoint: str | None = None
    region: str | None = None
    clients: dict[str, Any] = field(default_factory=dict, repr=False)

    def client(self, service: str) -> Any:
        """Return a boto3 client. Raises :class:`CommandError`."""
        if service not in self.clients:
            self.clients[service] = client(service, self.endpoint, self.region)
        return self.clients[service]

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        """The stack's outputs. Raises :class:`CommandError` when the stack cannot be read."""
        stack = f"scrapersky-{self.name}"
        try:
            (found,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        except (ClientError, BotoCoreError) as error:
            raise CommandError(f"could not read the stack {stack}: {error}") from None
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    def output(self, key: str) -> str:
        """Return one output. Raises :class:`CommandError` if the stack is older than this code."""
        if key not in self.outputs:
            raise CommandError(f"the stack scrapersky-{self.name} has no output {key}: deploy this version first")
        return self.outputs[key]

    def function(self, name: str) -> Mapping[str, Any]:
        """Return the configuration of a function's deployed version, its variables under ``Variables``."""
        found: dict[str, Any] = self.client("lambda").get_function_configuration(FunctionName=name, Qualifier=LIVE)
        return {**found, "Variables": found.get("Environment", {}).get("Variables", {})}

    def reserved(self, name: str) -> int | None:
        """Return the function's reserved concurrency; None when it has none."""
        found = self.client("lambda").get_function_concurrency(FunctionName=name)
        value: int | None = found.get("ReservedConcurrentExecutions")
        return value

    def queue(self, url: str) -> Mapping[str, str]:
        """Return a queue's attributes."""
        found = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        attributes: Mapping[str, str] = found["Attributes"]
        return attributes

    def mapping(self, queue_arn: str, function: str) -> Mapping[str, Any] | None:
        """Return the mapping by which ``function`` receives from the queue; None when there is none."""
        pages = self.client("lambda").get_paginator("list_event_source_mappings").paginate(EventSourceArn=queue_arn)
        for page in pages:
            for one in page["EventSourceMappings"]:
                if one["FunctionArn"].endswith(f":{function}:{LIVE}"):
                    found: Mapping[str, Any] = one
                    return found
        return None

    def rules(self, function: str) -> list[Mapping[str, Any]]:
        """Return the rules that invoke the deployed version of ``function``."""
        events, alias = self.client("events"), self.client("lambda").get_alias(FunctionName=function, Name=LIVE)
        names = events.list_rule_names_by_target(TargetArn=alias["AliasArn"])["RuleNames"]
        return [events.describe_rule(Name=name) for name in names]

    def secret(self, name: str, *, fresh: bool = False) -> str:  # noqa: ARG002 - nothing is cached
        """Return a secret's value."""
        value: str = self.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
        return value


@dataclass(frozen=True)
class Deployed:
    """The function ``name`` of ``service``, its queue and its dead-letter queue, as AWS describes them."""

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
        """Read it from AWS. Raises :class:`CommandError`, or boto's own errors."""
        start = construct(service)
        name = stage.output(f"{start}FunctionName")
        queue_url, dead_url = stage.output(f"{start}QueueUrl"), stage.output(f"{start}DeadLetterQueueUrl")
        function, queue, dead = stage.function(name), stage.queue(queue_url), stage.queue(dead_url)
        return cls(stage, service, name, function, queue_url, queue, dead_url, dead)

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
        """The queue for messages that cannot be started, and the number of deliveries before that."""
        policy = json.loads(self.queue.get("RedrivePolicy") or "{}")
        return policy.get("deadLetterTargetArn"), int(policy.get("maxReceiveCount", 0))

    @property
    def deploy(self) -> str:
        """The command that deploys the stage."""
        return f"scripts/cdk deploy scrapersky-{self.stage.name}"

    def finding(self, check: str, what: str, *, where: str, why: str, run: str) -> Finding:
        """Return a finding about this service that the shell command ``run`` repairs."""
        return Finding(
            check=check, what=f"{self.service.name}: {what}", where=where, why=why, repair=(run,), how="shell"
        )


def construct(service: Service) -> str:
    """Return the start of the names of the stack's outputs about ``service``: ``DomainScheduler``."""
    return "".join(word.capitalize() for word in service.name.split("-"))
