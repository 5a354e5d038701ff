"""Operators' manual triggers, passed on to the service that owns the workflow. POST only, and authorised separately.

The danger first: the routes of curation match greedily. A request that reached this router by another route than
``POST /dev-tools/…`` was authorised as curation, and is refused here.
"""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import BaseModel

from api.problem import Problem, invalid
from api.wiring import event_of, wiring_of
from scrapersky.runtime.payloads import (
    Abandon,
    Cancel,
    Explain,
    Pause,
    Process,
    Requeue,
    Resume,
    Run,
    StatusQuestion,
)
from scrapersky.runtime.registry import SERVICES, WORKFLOWS, service_of

router = Router()
TAGS = ["dev-tools"]
ROUTE = "POST /dev-tools/"


@router.post("/dev-tools/status", tags=TAGS, summary="Counts, ages and pauses of a workflow, or of all")
def status(body: StatusQuestion) -> dict[str, Any]:
    _refuse_other_routes()
    if body.workflow is not None:
        return _ask(body)
    answers = [wiring_of(router).triggers.ask(service, {"action": "status"}) for service in SERVICES]
    return {"workflows": {name: told for answer in answers for name, told in answer["workflows"].items()}}


@router.post("/dev-tools/explain", tags=TAGS, summary="One record's timeline")
def explain(body: Explain) -> dict[str, Any]:
    return _ask(body)


@router.post("/dev-tools/run", tags=TAGS, summary="Claims and fans out now")
def run(body: Run) -> dict[str, Any]:
    return _ask(body)


@router.post("/dev-tools/requeue", tags=TAGS, summary="New, Completed or Error → Queued")
def requeue(body: Requeue) -> dict[str, Any]:
    return _ask(body)


@router.post("/dev-tools/cancel", tags=TAGS, summary="Queued → New")
def cancel(body: Cancel) -> dict[str, Any]:
    return _ask(body)


@router.post("/dev-tools/abandon", tags=TAGS, summary="Processing → Error abandoned")
def abandon(body: Abandon) -> dict[str, Any]:
    return _ask(body)


@router.post("/dev-tools/pause", tags=TAGS, summary="Stops claims of a workflow")
def pause(body: Pause) -> dict[str, Any]:
    return _ask(body)


@router.post("/dev-tools/resume", tags=TAGS, summary="Lets claims of a workflow go on")
def resume(body: Resume) -> dict[str, Any]:
    return _ask(body)


@router.post(
    "/dev-tools/process",
    tags=TAGS,
    summary="Starts work on one Queued record; explain tells its end",
    status_code=HTTPStatus.ACCEPTED,
)
def process(body: Process) -> dict[str, Any]:
    _refuse_other_routes()
    wiring_of(router).triggers.start(service_of(WORKFLOWS[_workflow(body)]), _payload(body))
    return {"started": True, "workflow": body.workflow, "id": body.id}


def _ask(body: BaseModel) -> dict[str, Any]:
    _refuse_other_routes()
    return wiring_of(router).triggers.ask(service_of(WORKFLOWS[_workflow(body)]), _payload(body))


def _workflow(body: BaseModel) -> str:
    name = getattr(body, "workflow", None)
    if name not in WORKFLOWS:
        raise invalid("workflow", f"there is no workflow {name!r}; there are: {', '.join(WORKFLOWS)}")
    return str(name)


def _payload(body: BaseModel) -> dict[str, Any]:
    return body.model_dump(mode="json", exclude_none=True)


def _refuse_other_routes() -> None:
    if not event_of(router).route_key.startswith(ROUTE):
        raise Problem(HTTPStatus.FORBIDDEN, f"this needs the authorisation of {ROUTE}…, not that of curation")
