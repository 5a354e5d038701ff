"""Operators' manual triggers: POST only, authorised separately, passed on to the service that owns the workflow.

Warning: the API's curation routes match every path. A request that arrives here by another route than
``POST /dev-tools/…`` was authorised as curation, and is refused.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import BaseModel, create_model

from api.dependencies import caller_of, dependencies_of, require_route
from api.problem import invalid
from scrapersky.runtime import payloads
from scrapersky.runtime.registry import SERVICES, WORKFLOWS, Service, service_of

router = Router()
TAGS = ["dev-tools"]
ROUTE = "POST /dev-tools/"


@router.post("/dev-tools/status", tags=TAGS, summary="Return counts, ages and pauses of a workflow, or of all")
def status(body: payloads.StatusQuestion) -> dict[str, Any]:
    require_route(router, ROUTE)
    if body.workflow is not None:
        return pass_on(body)
    answers = [dependencies_of(router).triggers.ask(service, _payload(body)) for service in SERVICES]
    return {"workflows": {name: found for answer in answers for name, found in answer["workflows"].items()}}


@router.post(
    "/dev-tools/process",
    tags=TAGS,
    summary="Start work on one Queued record; explain returns the result",
    status_code=HTTPStatus.ACCEPTED,
)
def process(body: payloads.Process) -> dict[str, Any]:
    require_route(router, ROUTE)
    start_process(body)
    return {"started": True, "workflow": body.workflow, "record": body.record}


class Run(payloads.Run):
    """Claim and fan out now."""

    workflow: payloads.WorkflowName


class Pause(payloads.Pause):
    """Stop claims of one workflow."""

    workflow: payloads.WorkflowName


class Resume(payloads.Resume):
    """Allow claims again."""

    workflow: payloads.WorkflowName


def _passed_on(name: str, payload: type[BaseModel]) -> Callable[..., dict[str, Any]]:
    def passed_on(body: payload) -> dict[str, Any]:  # type: ignore[valid-type]
        require_route(router, ROUTE)
        return pass_on(body)

    passed_on.__name__ = name  # the operationId starts with it
    return passed_on


def _without_actor(payload: type[BaseModel]) -> type[BaseModel]:
    """Return ``payload`` without an actor to choose: the audit trail names the principal."""
    if "actor" not in payload.model_fields:
        return payload
    return create_model(payload.__name__, __base__=payload, __doc__=payload.__doc__, actor=(None, None))


for path, payload, summary in (
    ("/dev-tools/explain", payloads.Explain, "Return one record's timeline"),
    ("/dev-tools/run", Run, "Claim and fan out now"),
    ("/dev-tools/requeue", payloads.Requeue, "New, Completed or Error → Queued"),
    ("/dev-tools/cancel", payloads.Cancel, "Queued → New"),
    ("/dev-tools/abandon", payloads.Abandon, "Processing → Error abandoned"),
    ("/dev-tools/pause", Pause, "Stop claims of a workflow"),
    ("/dev-tools/resume", Resume, "Resume claims of a workflow"),
):
    router.post(path, tags=TAGS, summary=summary)(_passed_on(path.rpartition("/")[2], _without_actor(payload)))


def pass_on(body: BaseModel) -> dict[str, Any]:
    """Send a payload to the service that owns its workflow, in the caller's name, and return the answer."""
    return dependencies_of(router).triggers.ask(_owner(body), _payload(body))


def start_process(body: payloads.Process) -> None:
    """Start work on one Queued record, without waiting for its end."""
    dependencies_of(router).triggers.start(_owner(body), _payload(body))


def _owner(body: BaseModel) -> Service:
    name = getattr(body, "workflow", None)
    if name not in WORKFLOWS:
        raise invalid("workflow", f"there is no workflow {name!r}; valid workflows: {', '.join(WORKFLOWS)}")
    return service_of(WORKFLOWS[str(name)])


def _payload(body: BaseModel) -> dict[str, Any]:
    payload = body.model_dump(mode="json", exclude_none=True)
    return payload | {"actor": caller_of(router)} if "actor" in type(body).model_fields else payload
