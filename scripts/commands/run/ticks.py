"""Presses ticks: invokes a service's function with the very event that its EventBridge rule sends, only more often."""

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

from scrapersky.runtime.registry import SERVICES, Service
from scripts.commands.run.emulator import ACCOUNT, REGION, Aws
from scripts.commands.run.system import System

log = logging.getLogger(__name__)

LAST_TICK_SECONDS = 10
"""How long the end waits for the ticks that are under way: a tick takes about one second."""


@dataclass(frozen=True)
class Rule:
    """An enabled rate rule and its function. ``input`` is what the rule's target sends instead of the event, if set."""

    arn: str
    function: str
    input: str | None

    def payload(self) -> str:
        """What EventBridge sends at this moment."""
        return self.input or json.dumps(scheduled_event(self.arn))


def scheduled_event(rule_arn: str) -> Mapping[str, Any]:
    """The event of a rate rule (EventBridge User Guide, "Scheduled events")."""
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
    """The rule that ticks ``function``. Raises LookupError where the deployed stack has none that is enabled."""
    events = aws.client("events")
    arn = aws.client("lambda").get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    for name in events.list_rule_names_by_target(TargetArn=arn)["RuleNames"]:
        rule = events.describe_rule(Name=name)
        if rule["State"] == "ENABLED" and rule.get("ScheduleExpression", "").startswith("rate("):
            (target,) = (t for t in events.list_targets_by_rule(Rule=name)["Targets"] if t["Arn"] == arn)
            return Rule(rule["Arn"], function, target.get("Input"))
    raise LookupError(f"no enabled rate rule ticks {function}: nothing would ever wake it")


def press(client: Any, rule: Rule) -> Mapping[str, Any]:
    """One tick, waited for. Raises RuntimeError when the function failed."""
    answer = client.invoke(FunctionName=rule.function, Payload=rule.payload())
    said: Mapping[str, Any] = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise RuntimeError(f"the tick of {rule.function} failed: {said.get('errorMessage', said)}")
    return said


@contextmanager
def pressing(system: System, *, every: float, has_work: Callable[[Service], bool]) -> Iterator[list[str]]:
    """Presses every service's tick at once, and then ``every`` seconds while it ``has_work``, in a thread of its own.

    The value lists what went wrong with a tick, oldest first; the next one is pressed all the same. When it has ended, none
    of its ticks is under way any more, so what is queued then is claimed by whoever comes after it.
    """
    client = system.aws.client("lambda")
    stop = threading.Event()
    trouble: list[str] = []

    def keep_pressing(service: Service, rule: Rule) -> None:
        first = True  # also without work: the function's cold start is over then when work comes
        while not stop.is_set():
            began = time.monotonic()
            if first or has_work(service):
                try:
                    press(client, rule)
                except Exception as error:
                    if not stop.is_set():
                        trouble.append(str(error))
            first = False
            stop.wait(max(0.0, every - (time.monotonic() - began)))

    threads = [
        threading.Thread(
            target=keep_pressing,
            args=(service, rule_of(system.aws, system.deployed(service).function)),
            name=f"ticks of {service.name}",
            daemon=True,
        )
        for service in SERVICES
    ]
    for thread in threads:
        thread.start()
    try:
        yield trouble
    finally:
        stop.set()
        give_up = time.monotonic() + LAST_TICK_SECONDS
        for thread in threads:
            thread.join(max(0.0, give_up - time.monotonic()))
