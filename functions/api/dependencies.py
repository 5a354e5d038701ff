"""What the routes need: settings, database and triggers, the current request, and its caller."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from pydantic import BaseModel

from api.problem import Problem, invalid
from api.triggers import Triggers
from scrapersky.database import Database
from scrapersky.metrics import Observer
from scrapersky.settings import Settings

KEY = "dependencies"


@dataclass(frozen=True)
class Dependencies:
    """Made once per cold start."""

    settings: Settings
    database: Database
    triggers: Triggers
    observer: Observer


def dependencies_of(router: Router) -> Dependencies:
    """Return the dependencies of the application that ``router`` belongs to."""
    return cast(Dependencies, router.context[KEY])


def event_of(router: Router) -> APIGatewayProxyEventV2:
    """Return the request that ``router`` is serving."""
    return cast(APIGatewayProxyEventV2, router.current_event)


def caller_of(router: Router) -> str:
    """Return the actor for the audit trail: the IAM principal's ARN, the token's subject, or ``api:unknown``."""
    authorizer = event_of(router).raw_event["requestContext"].get("authorizer") or {}
    iam = (authorizer.get("iam") or {}).get("userArn")
    subject = ((authorizer.get("jwt") or {}).get("claims") or {}).get("sub")
    return f"api:{iam or subject or 'unknown'}"


def check_parameters(router: Router, model: type[BaseModel]) -> None:
    """Raise a 422 for a query parameter that ``model`` does not have: if it were ignored, it would seem to work."""
    for name in event_of(router).query_string_parameters:
        if name not in model.model_fields:
            valid = ", ".join(sorted(model.model_fields))
            raise invalid(name, f"unknown parameter {name!r}; valid parameters: {valid}")


def require_route(router: Router, route: str) -> None:
    """Raise a 403 for a request that arrived by another route than ``route…``, and was authorised as something else.

    Warning: the API's curation routes match every path.
    """
    if not event_of(router).route_key.startswith(route):
        raise Problem(HTTPStatus.FORBIDDEN, f"authorised as curation; {route}… needs its own authorisation")
