"""Taking: how functions take messages and dead letters from their queues."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scripts.commands.scrapersky.doctor.deployed import Deployed
from scripts.commands.scrapersky.doctor.finding import Finding

AT_WORK = frozenset({"Enabled", "Enabling", "Creating", "Updating"})


def check_taking(deployed: Deployed) -> Iterator[Finding]:
    """The mapping of the queue to its function, of the dead-letter queue to dead-letter, and reserved concurrency."""
    found = deployed.stage.mapping(deployed.queue["QueueArn"], deployed.name)
    if found is None:
        yield _missing(deployed, deployed.name, deployed.queue_url, "no message is ever worked on")
    else:
        yield from _rightly(deployed, found, deployed.queue_url)
        yield from _as_set(deployed, found)
    yield from _letters(deployed)
    reserved = deployed.stage.reserved(deployed.name)
    if reserved is not None:
        yield deployed.finding(
            "reserved_concurrency",
            f"the function has reserved concurrency {reserved}",
            where=deployed.name,
            why="the queue's pollers take messages that the function then refuses; each refusal counts as a delivery, and"
            " work that nobody looked at ends in the dead-letter queue",
            run=f"aws lambda delete-function-concurrency --function-name {deployed.name}",
        )


def _rightly(deployed: Deployed, found: Mapping[str, Any], queue_url: str) -> Iterator[Finding]:
    if found.get("State") not in AT_WORK:
        yield deployed.finding(
            "mapping_disabled",
            f"taking from the queue is {found.get('State')}",
            where=queue_url,
            why="nothing in it is worked on; after the queue's retention it is gone",
            run=_update(found, "--enabled"),
        )
    if "ReportBatchItemFailures" not in (found.get("FunctionResponseTypes") or ()):
        yield deployed.finding(
            "item_failures_ignored",
            "the mapping does not listen to which messages failed",
            where=queue_url,
            why="AWS ignores the function's answer: a message that could not be started is deleted as if it were done",
            run=_update(found, "--function-response-types ReportBatchItemFailures"),
        )
    if (found.get("FilterCriteria") or {}).get("Filters"):
        yield deployed.finding(
            "filter_set",
            "the mapping filters messages",
            where=queue_url,
            why="AWS deletes what does not match, for ever",
            run=_update(found, "--filter-criteria '{}'"),
        )


def _as_set(deployed: Deployed, found: Mapping[str, Any]) -> Iterator[Finding]:
    own, prefix = deployed.own, deployed.service.env_prefix
    at_once = (found.get("ScalingConfig") or {}).get("MaximumConcurrency")
    if at_once != own.max_instances:
        yield deployed.finding(
            "concurrency_differs",
            f"{at_once or 'any number of'} invocations may run at once; {prefix}_MAX_INSTANCES says {own.max_instances}",
            where=deployed.queue_url,
            why="more run than the database has connections for, or fewer than somebody expects",
            run=_update(found, f"--scaling-config MaximumConcurrency={own.max_instances}"),
        )
    if found.get("BatchSize") != own.messages_per_invocation:
        yield deployed.finding(
            "batch_size_differs",
            f"an invocation gets up to {found.get('BatchSize')} messages; {prefix}_MESSAGES_PER_INVOCATION says"
            f" {own.messages_per_invocation}",
            where=deployed.queue_url,
            why="an invocation gets more messages than it has time for, or fewer than it could work on",
            run=_update(found, f"--batch-size {own.messages_per_invocation}"),
        )


def _letters(deployed: Deployed) -> Iterator[Finding]:
    function = deployed.stage.output("DeadLetterFunctionName")
    found = deployed.stage.mapping(deployed.dead["QueueArn"], function)
    if found is None:
        yield _missing(deployed, function, deployed.dead_url, "nobody marks the records of dead letters")
        return
    yield from _rightly(deployed, found, deployed.dead_url)
    waiting = int(deployed.dead.get("ApproximateNumberOfMessages", 0))
    if waiting:
        yield deployed.finding(
            "letters_waiting",
            f"{waiting} dead letters lie unmarked",
            where=deployed.dead_url,
            why=f"{function} does not come to them; docs/runbook.md, Dead letters not drained, says what to look for",
            run=f"scripts/logs exceptions --stage {deployed.stage.name}",
        )


def _missing(deployed: Deployed, function: str, queue_url: str, why: str) -> Finding:
    return deployed.finding(
        "mapping_missing",
        f"{function} does not take from the queue",
        where=queue_url,
        why=why,
        run=deployed.deploy,
    )


def _update(mapping: Mapping[str, Any], change: str) -> str:
    return f"aws lambda update-event-source-mapping --uuid {mapping['UUID']} {change}"
