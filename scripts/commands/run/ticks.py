"""Invoke ticks: call a service's function with the exact event of its EventBridge rule, only more often."""

from __future__ import annotations

import datetime
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from scrapersky.runtime.registry import LIVE, SERVICES, Service
from scripts.commands.run.emulator import ACCOUNT, REGION, Aws
from scripts.commands.run.system import System

log = logging.getLogger(__name__)

LAST_TICK_SECONDS = 10
"""How long the end waits for running ticks: a tick takes about one second."""


@dataclass(frozen=True)
class Rule:
    """An enabled rate rule and its function. ``input``, if set, is sent by the rule's target instead of the event."""

    arn: str
    function: str
    input: str | None

    def payload(self) -> str:
        """Return what EventBridge would send now."""
        return self.input or json.dumps(scheduled_event(self.arn))


def scheduled_event(rule_arn: str) -> Mapping[str, Any]:
    """Return the event of a rate rule (EventBridge User Guide, "Scheduled events")."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [rule_arn],
        "detail": {},
    }


def rule_of(aws: Aws, function: str) -> Rule:
    """Return the rule that invokes the deployed version of ``function``. Raises LookupError if none is enabled."""
    events = aws.client("events")
    arn = aws.client("lambda").get_alias(FunctionName=function, Name=LIVE)["AliasArn"]
    for name in events.list_rule_names_by_target(TargetArn=arn)["RuleNames"]:
        rule = events.describe_rule(Name=name)
        if rule["State"] == "ENABLED" and rule.get("ScheduleExpression", "").startswith("rate("):
            (target,) = (t for t in events.list_targets_by_rule(Rule=name)["Targets"] if t["Arn"] == arn)
            return Rule(rule["Arn"], f"{function}:{LIVE}", target.get("Input"))
    raise LookupError(f"no enabled rate rule invokes {function}")


def invoke_tick(client: Any, rule: Rule) -> Mapping[str, Any]:
    """Invoke one tick and return its result. Raises RuntimeError when the function failed."""
    answer = client.invoke(FunctionName=rule.function, Payload=rule.payload())
    result: Mapping[str, Any] = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise RuntimeError(f"the tick of {rule.function} failed: {result.get('errorMessage', result)}")
    return result


@contextmanager
def invoking_ticks(system: System, *, every: float, has_work: Callable[[Service], bool]) -> Iterator[list[str]]:
    """Invoke each service's tick at once, and then every ``every`` seconds while it ``has_work``, in one thread per service.

    Yields the list of ticks' errors, oldest first; an error does not stop the next tick. After the block no tick is running,
    so that records queued then are claimed by the stack's own rules or a later block.
    """
    client = system.aws.client("lambda")
    stop = threading.Event()
    errors: list[str] = []

    def keep_invoking(service: Service, rule: Rule) -> None:
        first = True  # also without work, so that the function's cold start is over when work arrives
        while not stop.is_set():
            began = time.monotonic()
            if first or has_work(service):
                try:
                    invoke_tick(client, rule)
                except Exception as error:
                    if not stop.is_set():
                        errors.append(str(error))
            first = False
            stop.wait(max(0.0, every - (time.monotonic() - began)))

    threads = [
        threading.Thread(
            target=keep_invoking,
            args=(service, rule_of(system.aws, system.deployed(service).function)),
            name=f"ticks of {service.name}",
            daemon=True,
        )
        for service in SERVICES
    ]
    for thread in threads:
        thread.start()
    try:
        yield errors
    except BaseException:  # the system is being stopped: its ticks end with it
        stop.set()
        raise
    stop.set()
    give_up = time.monotonic() + LAST_TICK_SECONDS
    for thread in threads:
        thread.join(max(0.0, give_up - time.monotonic()))
