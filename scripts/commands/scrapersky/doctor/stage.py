"""A deployed stage, as AWS says it is: functions, queues, mappings and rules, by the names in the stack's outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from scripts.commands.scrapersky.trouble import Trouble

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass
class Stage:
    """The stack ``scrapersky-<name>``. ``endpoint`` stands for AWS where it is emulated, None means AWS."""

    name: str
    endpoint: str | None = None
    region: str | None = None
    clients: dict[str, Any] = field(default_factory=dict, repr=False)

    def client(self, service: str) -> Any:
        """A boto3 client; an emulated AWS on loopback needs no credentials of anybody. Raises :class:`Trouble`."""
        if service not in self.clients:
            local = self.endpoint is not None and urlsplit(self.endpoint).hostname in LOOPBACK
            made_up = "test" if local else None
            region = self.region or ("us-east-1" if local else None)
            try:
                session = boto3.Session(made_up, made_up, region_name=region)
                made: Any = session.client(service, endpoint_url=self.endpoint)  # type: ignore[call-overload]
            except (BotoCoreError, ValueError) as error:
                raise Trouble(str(error)) from None
            self.clients[service] = made
        return self.clients[service]

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        """The stack's outputs. Raises :class:`Trouble` when it is not there or may not be read."""
        stack = f"scrapersky-{self.name}"
        try:
            (found,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        except (ClientError, BotoCoreError) as error:
            raise Trouble(f"the stack {stack} could not be read: {error}") from None
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    def output(self, key: str) -> str:
        """One output. Raises :class:`Trouble` naming it: the stack is older than this code."""
        if key not in self.outputs:
            raise Trouble(f"the stack scrapersky-{self.name} has no output {key}: deploy this version first")
        return self.outputs[key]

    def function(self, name: str) -> Mapping[str, Any]:
        """A function's configuration; its variables under ``Variables``."""
        told: dict[str, Any] = self.client("lambda").get_function_configuration(FunctionName=name)
        return {**told, "Variables": told.get("Environment", {}).get("Variables", {})}

    def reserved(self, name: str) -> int | None:
        """The function's reserved concurrency, None when it has none."""
        told = self.client("lambda").get_function_concurrency(FunctionName=name)
        value: int | None = told.get("ReservedConcurrentExecutions")
        return value

    def queue(self, url: str) -> Mapping[str, str]:
        """A queue's attributes."""
        attributes: Mapping[str, str] = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])[
            "Attributes"
        ]
        return attributes

    def mapping(self, queue_arn: str, function: str) -> Mapping[str, Any] | None:
        """How ``function`` takes from the queue; None when it does not."""
        pages = self.client("lambda").get_paginator("list_event_source_mappings").paginate(EventSourceArn=queue_arn)
        for page in pages:
            for one in page["EventSourceMappings"]:
                if one["FunctionArn"].split(":function:")[-1].split(":")[0] == function:
                    found: Mapping[str, Any] = one
                    return found
        return None

    def rules(self, function_arn: str) -> list[Mapping[str, Any]]:
        """The rules that tick the function."""
        events = self.client("events")
        names = events.list_rule_names_by_target(TargetArn=function_arn)["RuleNames"]
        return [events.describe_rule(Name=name) for name in names]

    def secret(self, name: str, *, fresh: bool = False) -> str:  # noqa: ARG002 - nothing is kept, so all is fresh
        """A secret's value."""
        value: str = self.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
        return value
