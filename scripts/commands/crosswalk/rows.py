"""The crosswalk as data: services, workflows, fields, statuses, settings, hand-offs, routers and manual triggers."""

from pathlib import Path
from typing import Any

from scrapersky.runtime.payloads import MODELS
from scrapersky.runtime.registry import HAND_OFFS, SERVICES, Service
from scrapersky.status.transitions import ALLOWED, CREATED
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import Status
from scripts.commands.crosswalk.audit.analysis import Analysis, analyse
from scripts.commands.crosswalk.audit.effects import StartsWork, StatusWrite
from scripts.commands.crosswalk.audit.rules import relative, words

ROOT = Path(__file__).resolve().parents[3]
ROUTERS = ROOT / "functions" / "api"

MONITORED = (Status.QUEUED,)
SET = (Status.PROCESSING, Status.COMPLETED, Status.ERROR, Status.QUEUED)
"""The statuses that every workflow sets: at the claim, at the two ends, and Queued again for a retry."""


def crosswalk() -> dict[str, Any]:
    """Return the whole crosswalk, ready for JSON."""
    analysis = analyse([ROUTERS]) if ROUTERS.is_dir() else Analysis(ROOT, [], [], [])
    return {
        "services": [_service(service, analysis) for service in SERVICES],
        "routers": [route for route in _routes(analysis) if route["writes"] or route["starts"]],
        "actions": actions(),
        "transitions": {
            "created": sorted(status.value for status in CREATED),
            "allowed": {status.value: sorted(word.value for word in after) for status, after in ALLOWED.items()},
        },
    }


def _service(service: Service, analysis: Analysis) -> dict[str, Any]:
    return {
        "service": service.name,
        "folder": f"functions/{service.folder}",
        "settings": {
            f"{service.env_prefix}_{name.upper()}": value for name, value in service.defaults.model_dump().items()
        },
        "workflows": [_workflow(workflow, analysis) for workflow in service.workflows],
    }


def _workflow(workflow: Workflow, analysis: Analysis) -> dict[str, Any]:
    model = workflow.model_name
    return {
        "workflow": workflow.name,
        "model": model,
        "field": workflow.field,
        "monitors": [status.value for status in MONITORED],
        "sets": [status.value for status in SET],
        "queued_by": [
            {"workflow": one.source.name, "setting": one.setting} for one in HAND_OFFS if one.target == workflow
        ],
        "queues": [
            {"workflow": one.target.name, "setting": one.setting} for one in HAND_OFFS if one.source == workflow
        ],
        "routers": [
            {
                "route": route["route"],
                "values": [write["values"] for write in route["writes"] if _is_of(write, model, workflow)],
            }
            for route in _routes(analysis)
            if any(_is_of(write, model, workflow) for write in route["writes"])
        ],
    }


def _is_of(write: dict[str, str], model: str, workflow: Workflow) -> bool:
    return write["field"] == f"{model}.{workflow.field}"


def _routes(analysis: Analysis) -> list[dict[str, Any]]:
    found = []
    for route, effects in analysis.routes:
        writes = {
            (f"{effect.model}.{effect.field}", words(effect).replace(" (the request's choice)", "")): None
            for effect in effects
            if isinstance(effect, StatusWrite)
        }
        starts = any(isinstance(effect, StartsWork) for effect in effects)
        found.append(
            {
                "route": route.name,
                "handler": f"{relative(route.place.path, ROOT)}:{route.handler}",
                "writes": [{"field": field, "values": values} for field, values in sorted(writes)],
                "starts": starts,
            }
        )
    return found


def actions() -> list[dict[str, str]]:
    """Return the manual payloads that every service's function accepts, with their descriptions."""
    return [
        {"action": action, "does": " ".join((model.__doc__ or "").replace("``", "`").split())}
        for action, model in MODELS.items()
    ]
