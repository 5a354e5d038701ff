"""Queues: each setting whose wrong value loses or repeats work, with the command that sets it right."""

from __future__ import annotations

import json
from collections.abc import Iterator

from scripts.commands.scrapersky.doctor.deployed import Deployed
from scripts.commands.scrapersky.doctor.finding import Finding

VISIBILITY_FACTOR = 6
"""Visibility in function timeouts, as AWS advises; the local stage has nobody to throttle it, and 1."""
MAX_RECEIVES = 5
"""Deliveries before the dead-letter queue, at least; fewer, and a hiccup of the database looks like a dead letter."""
LOCAL_FACTOR, LOCAL_RECEIVES = 1, 2
FOURTEEN_DAYS = "1209600"


def check_queues(deployed: Deployed) -> Iterator[Finding]:
    """Visibility, redrive, retention, and how long a message may be on its way."""
    yield from _visibility(deployed)
    yield from _redrive(deployed)
    yield from _retention(deployed)
    yield from _lease(deployed)


def _visibility(deployed: Deployed) -> Iterator[Finding]:
    factor = LOCAL_FACTOR if deployed.stage.name == "local" else VISIBILITY_FACTOR
    has, wanted = int(deployed.queue["VisibilityTimeout"]), factor * int(deployed.function["Timeout"])
    if has < wanted:
        yield deployed.finding(
            "visibility_short",
            f"a message is hidden for {has} s, and should be for {wanted} ({factor} × the function's timeout)",
            where=deployed.queue_url,
            why="a message that is being worked on, or waits for a free instance, is delivered again, and that is counted",
            run=_set(deployed.queue_url, VisibilityTimeout=str(wanted)),
        )


def _redrive(deployed: Deployed) -> Iterator[Finding]:
    least = LOCAL_RECEIVES if deployed.stage.name == "local" else MAX_RECEIVES
    target, receives = deployed.redrive
    if target == deployed.dead["QueueArn"] and receives >= least:
        return
    told = f"to {target} after {receives} deliveries" if target else "nowhere, and are delivered until they expire"
    wanted = {"deadLetterTargetArn": deployed.dead["QueueArn"], "maxReceiveCount": max(least, receives)}
    yield deployed.finding(
        "redrive_wrong",
        f"messages that cannot be started go {told}; right is {wanted['deadLetterTargetArn']} after {least} or more",
        where=deployed.queue_url,
        why="their records stay Processing until the dispatch lease ends, or end in Error after one hiccup",
        run=_set(deployed.queue_url, RedrivePolicy=json.dumps(wanted)),
    )


def _retention(deployed: Deployed) -> Iterator[Finding]:
    work, dead = (int(queue["MessageRetentionPeriod"]) for queue in (deployed.queue, deployed.dead))
    if dead <= work:
        yield deployed.finding(
            "retention_short",
            f"dead letters are kept for {dead} s, and messages for {work}",
            where=deployed.dead_url,
            why="a letter's age counts from when it was sent as a message: it may expire before anybody has seen it",
            run=_set(deployed.dead_url, MessageRetentionPeriod=FOURTEEN_DAYS),
        )


def _lease(deployed: Deployed) -> Iterator[Finding]:
    lease = deployed.settings.dispatch_lease_seconds
    way = int(deployed.queue["VisibilityTimeout"]) * deployed.redrive[1]
    if lease < way:
        yield deployed.finding(
            "dispatch_lease_short",
            f"a message may wait for {lease:g} s, and needs up to {way} to reach the dead-letter queue",
            where=deployed.name,
            why="recovery takes a record back while its message is still on its way, and sends it again and again",
            run=f"DISPATCH_LEASE_SECONDS={way + 1_800} {deployed.deploy}",
        )


def _set(url: str, **attributes: str) -> str:
    return f"aws sqs set-queue-attributes --queue-url {url} --attributes '{json.dumps(attributes)}'"
