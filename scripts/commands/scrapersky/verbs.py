"""What each command sends, and to which service."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from scrapersky.runtime.registry import SERVICES, WORKFLOWS, Service, service_of
from scripts.commands.scrapersky.remote import Remote
from scripts.commands.scrapersky.trouble import Trouble

Answer = Mapping[str, Any]


def services_of(workflow: str | None) -> tuple[Service, ...]:
    """The service that owns ``workflow``; every service for None."""
    return SERVICES if workflow is None else (service_of(WORKFLOWS[workflow]),)


def send(remote: Remote, service: Service, payload: Mapping[str, Any]) -> Answer:
    """One payload, without what was not given."""
    answer: Answer = remote.invoke(service.name, {key: value for key, value in payload.items() if value is not None})
    return answer


def send_to_each(remote: Remote, workflow: str | None, payload: Mapping[str, Any]) -> Answer:
    """The same payload to each service concerned, all at once; the answers' workflows in one."""
    services = services_of(workflow)
    assert remote.client  # trouble with AWS itself is told once, before threads start
    with ThreadPoolExecutor(len(services)) as pool:
        answers = list(pool.map(lambda service: send(remote, service, {**payload, "workflow": workflow}), services))
    return {
        "stage": remote.stage,
        "workflows": {
            name: {"service": answer["service"], **told}
            for answer in answers
            for name, told in answer["workflows"].items()
        },
    }


def status(remote: Remote, given: argparse.Namespace) -> Answer:
    """Counts, ages and pauses of all workflows, or one."""
    return send_to_each(remote, given.workflow, {"action": "status"})


def run(remote: Remote, given: argparse.Namespace) -> Answer:
    """Claims and fans out now."""
    if given.ids and given.workflow is None:
        raise Trouble("--ids needs the workflow they are records of: scrapersky run import --ids 7 8")
    payload = {"action": "run", "limit": given.limit, "ids": given.ids, "dry_run": given.dry_run or None}
    return send_to_each(remote, given.workflow, payload)


def pause(remote: Remote, given: argparse.Namespace) -> Answer:
    """Stops claims of a workflow, or of all."""
    payload = {"action": "pause", "reason": given.reason, "actor": given.actor, "seconds": given.seconds}
    return send_to_each(remote, chosen(given), payload)


def resume(remote: Remote, given: argparse.Namespace) -> Answer:
    """Lets claims go on."""
    return send_to_each(remote, chosen(given), {"action": "resume", "reason": given.reason, "actor": given.actor})


def chosen(given: argparse.Namespace) -> str | None:
    """The workflow to stop or start; every one must be meant, not forgotten."""
    if (given.workflow is None) != given.all:
        raise Trouble(f"{given.command} needs either a workflow or --all")
    workflow: str | None = given.workflow
    return workflow


def explain(remote: Remote, given: argparse.Namespace) -> Answer:
    """One record's timeline."""
    return _to_owner(remote, given, {"action": "explain", "id": given.id})


def process(remote: Remote, given: argparse.Namespace) -> Answer:
    """Works on one Queued record in the foreground."""
    return _to_owner(remote, given, {"action": "process", "id": given.id})


def requeue(remote: Remote, given: argparse.Namespace) -> Answer:
    """New, Completed or Error → Queued, by ids or by error code."""
    if (not given.ids) == (given.error_code is None):
        raise Trouble("requeue needs either ids or --error-code: an empty filter would mean every record")
    return _to_owner(
        remote,
        given,
        {
            "action": "requeue",
            "ids": given.ids or None,
            "error_code": given.error_code,
            "limit": given.limit or (len(given.ids) or None),
            "spread_seconds": given.spread_seconds,
            "reason": given.reason,
            "actor": given.actor,
        },
    )


def enqueue(remote: Remote, given: argparse.Namespace) -> Answer:
    """Queues records by id, whatever they ended with before."""
    payload = {"action": "requeue", "ids": given.ids, "limit": len(given.ids)}
    return _to_owner(remote, given, {**payload, "reason": given.reason, "actor": given.actor})


def take_back(remote: Remote, given: argparse.Namespace) -> Answer:
    """``cancel`` (Queued → New) and ``abandon`` (Processing → Error)."""
    payload = {"action": given.command, "ids": given.ids, "reason": given.reason, "actor": given.actor}
    return _to_owner(remote, given, payload)


def _to_owner(remote: Remote, given: argparse.Namespace, payload: Mapping[str, Any]) -> Answer:
    (service,) = services_of(given.workflow)
    return send(remote, service, {**payload, "workflow": given.workflow})
