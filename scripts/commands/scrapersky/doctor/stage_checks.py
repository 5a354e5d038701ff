"""The checks of one deployed service: each setting whose wrong value loses or repeats work, with the command that sets it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from scrapersky.runtime.messages import MESSAGES_PER_INVOCATION
from scripts.commands.scrapersky.doctor.finding import Finding
from scripts.commands.scrapersky.doctor.stage import Deployed

VISIBILITY_FACTOR = 6
"""The queue's visibility timeout in function timeouts, as AWS advises. The local stage is never throttled: 1."""
MAX_RECEIVES = 5
"""The least number of deliveries before the dead-letter queue. With fewer, a short outage looks like a dead letter."""
LOCAL_FACTOR, LOCAL_RECEIVES = 1, 2
FOURTEEN_DAYS = "1209600"
RUNNING = frozenset({"Enabled", "Enabling", "Creating", "Updating"})


def check_service(deployed: Deployed) -> Iterator[Finding]:
    """Yield the findings about the service's queues, event source mappings, concurrency and rule."""
    yield from _queues(deployed)
    yield from _mapping(deployed)
    yield from _dead_letter_mapping(deployed)
    reserved = deployed.stage.reserved(deployed.name)
    if reserved is not None:
        yield deployed.finding(
            "reserved_concurrency",
            f"the function has reserved concurrency {reserved}",
            where=deployed.name,
            why="the queue's pollers receive messages that the function then rejects; each rejection counts as a delivery,"
            " and work that was never started ends in the dead-letter queue",
            run=f"aws lambda delete-function-concurrency --function-name {deployed.name}",
        )
    yield from _rule(deployed)


def _queues(deployed: Deployed) -> Iterator[Finding]:
    local = deployed.stage.name == "local"
    factor, least = (LOCAL_FACTOR, LOCAL_RECEIVES) if local else (VISIBILITY_FACTOR, MAX_RECEIVES)
    visible, wanted = int(deployed.queue["VisibilityTimeout"]), factor * int(deployed.function["Timeout"])
    if visible < wanted:
        yield deployed.finding(
            "visibility_short",
            f"the visibility timeout is {visible} s and should be {wanted} s ({factor} × the function's timeout)",
            where=deployed.queue_url,
            why="a message that is being worked on, or waits for a free instance, is delivered again, and that is counted",
            run=_set(deployed.queue_url, VisibilityTimeout=str(wanted)),
        )
    target, receives = deployed.redrive
    if target != deployed.dead["QueueArn"] or receives < least:
        policy = {"deadLetterTargetArn": deployed.dead["QueueArn"], "maxReceiveCount": max(least, receives)}
        found = f"go to {target} after {receives} deliveries" if target else "are delivered until they expire"
        yield deployed.finding(
            "redrive_wrong",
            f"messages that cannot be started {found}; valid is {deployed.dead['QueueArn']} after {least} or more",
            where=deployed.queue_url,
            why="their records stay Processing until the dispatch lease ends, or end in Error after one short outage",
            run=_set(deployed.queue_url, RedrivePolicy=json.dumps(policy)),
        )
    kept, dead_kept = (int(queue["MessageRetentionPeriod"]) for queue in (deployed.queue, deployed.dead))
    if dead_kept <= kept:
        yield deployed.finding(
            "retention_short",
            f"dead letters are kept for {dead_kept} s, and messages for {kept} s",
            where=deployed.dead_url,
            why="the age of a dead letter counts from when it was sent as a message: it may expire before it is handled",
            run=_set(deployed.dead_url, MessageRetentionPeriod=FOURTEEN_DAYS),
        )
    yield from _dispatch_lease(deployed, longest=visible * receives)


def _dispatch_lease(deployed: Deployed, longest: int) -> Iterator[Finding]:
    lease = deployed.settings.dispatch_lease_seconds
    if lease < longest:
        yield deployed.finding(
            "dispatch_lease_short",
            f"the dispatch lease is {lease:g} s, and a message needs up to {longest} s to reach the dead-letter queue",
            where=deployed.name,
            why="recovery releases a record whose message is still in the queue, and sends it again and again",
            run=f"DISPATCH_LEASE_SECONDS={longest + 1_800} {deployed.deploy}",
        )


def _mapping(deployed: Deployed) -> Iterator[Finding]:
    found = deployed.stage.mapping(deployed.queue["QueueArn"], deployed.name)
    if found is None:
        yield _missing(deployed, deployed.name, deployed.queue_url, "no message is ever worked on")
        return
    yield from _delivery(deployed, found, deployed.queue_url)
    own, prefix = deployed.own, deployed.service.env_prefix
    concurrency = (found.get("ScalingConfig") or {}).get("MaximumConcurrency")
    if concurrency != own.max_instances:
        yield deployed.finding(
            "concurrency_differs",
            f"{concurrency or 'any number of'} invocations may run at once; {prefix}_MAX_INSTANCES is {own.max_instances}",
            where=deployed.queue_url,
            why="more run than the database has connections for, or fewer than intended",
            run=_update(found, f"--scaling-config MaximumConcurrency={own.max_instances}"),
        )
    if found.get("BatchSize") != MESSAGES_PER_INVOCATION:
        yield deployed.finding(
            "batch_size_differs",
            f"an invocation gets up to {found.get('BatchSize')} messages; the stack sets {MESSAGES_PER_INVOCATION}",
            where=deployed.queue_url,
            why="an invocation gets more messages than it has time for, or fewer than it can work on",
            run=_update(found, f"--batch-size {MESSAGES_PER_INVOCATION}"),
        )


def _dead_letter_mapping(deployed: Deployed) -> Iterator[Finding]:
    function = deployed.stage.output("DeadLetterFunctionName")
    found = deployed.stage.mapping(deployed.dead["QueueArn"], function)
    if found is None:
        yield _missing(deployed, function, deployed.dead_url, "the records of dead letters are never marked")
        return
    yield from _delivery(deployed, found, deployed.dead_url)
    waiting = int(deployed.dead.get("ApproximateNumberOfMessages", 0))
    if waiting:
        yield deployed.finding(
            "dead_letters_waiting",
            f"the dead-letter queue has {waiting} messages",
            where=deployed.dead_url,
            why=f"{function} does not handle them; see docs/runbook.md, Dead letters not drained",
            run=f"scripts/scrapersky logs exceptions --stage {deployed.stage.name}",
        )


def _delivery(deployed: Deployed, found: Mapping[str, Any], queue_url: str) -> Iterator[Finding]:
    if found.get("State") not in RUNNING:
        yield deployed.finding(
            "mapping_disabled",
            f"the event source mapping is {found.get('State')}",
            where=queue_url,
            why="no message in the queue is handled; after the queue's retention they are lost",
            run=_update(found, "--enabled"),
        )
    if "ReportBatchItemFailures" not in (found.get("FunctionResponseTypes") or ()):
        yield deployed.finding(
            "item_failures_ignored",
            "the event source mapping ignores which messages failed",
            where=queue_url,
            why="AWS deletes a message that could not be started as if it were done",
            run=_update(found, "--function-response-types ReportBatchItemFailures"),
        )
    if (found.get("FilterCriteria") or {}).get("Filters"):
        yield deployed.finding(
            "filter_set",
            "the event source mapping filters messages",
            where=queue_url,
            why="AWS deletes the messages that do not match, for ever",
            run=_update(found, "--filter-criteria '{}'"),
        )


def _rule(deployed: Deployed) -> Iterator[Finding]:
    why = "without a tick nothing is claimed or recovered"
    minutes = deployed.own.interval_minutes
    wanted = f"rate({minutes} minute{'' if minutes == 1 else 's'})"
    rules = deployed.stage.rules(deployed.name)
    if not rules:
        yield deployed.finding(
            "schedule_missing", f"no rule invokes {deployed.name}", where=deployed.name, why=why, run=deployed.deploy
        )
    for rule in rules:
        name = rule["Name"]
        if rule.get("State") == "DISABLED":
            run = f"aws events enable-rule --name {name}"
            yield deployed.finding("schedule_disabled", "its rule is disabled", where=f"rule {name}", why=why, run=run)
        if rule.get("ScheduleExpression") != wanted:
            yield deployed.finding(
                "schedule_differs",
                f"its rule has {rule.get('ScheduleExpression')}; {deployed.service.env_prefix}_INTERVAL_MINUTES is {minutes}",
                where=f"rule {name}",
                why="records wait longer than intended, or ticks cost more",
                run=f"aws events put-rule --name {name} --schedule-expression '{wanted}'",
            )


def _missing(deployed: Deployed, function: str, queue_url: str, why: str) -> Finding:
    what = f"{function} has no event source mapping for the queue"
    return deployed.finding("mapping_missing", what, where=queue_url, why=why, run=deployed.deploy)


def _set(url: str, **attributes: str) -> str:
    return f"aws sqs set-queue-attributes --queue-url {url} --attributes '{json.dumps(attributes)}'"


def _update(mapping: Mapping[str, Any], change: str) -> str:
    return f"aws lambda update-event-source-mapping --uuid {mapping['UUID']} {change}"
