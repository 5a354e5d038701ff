"""What the routes need: settings, database and triggers, the current request, and its caller."""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from pydantic import BaseModel
from sqlalchemy import ColumnElement

from api.problem import Problem, invalid
from api.triggers import Triggers
from scrapersky.database import Database
from scrapersky.metrics import Observer
from scrapersky.models.base import Recorded
from scrapersky.settings import Settings

KEY = "dependencies"
ALL_TENANTS = "*"
ROLE = re.compile(r"(arn:[\w-]+):(?:iam|sts)::(\d+):(?:role/(?:.*/)?|assumed-role/)([\w+=,.@-]+)(?:/[^/]*)?")
"""A role, or a session of one."""


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


def tenant_of(router: Router) -> str | None:
    """Return the tenant whose records the caller may see and change, None for all tenants.

    A stage binds its callers by a claim of their token (``API_TENANT_CLAIM``) or by their role (``API_TENANTS``), or not
    at all. Raises a 403 for a caller without a tenant at a stage that binds them.
    """
    settings = dependencies_of(router).settings
    if not settings.api_tenant_claim and not settings.api_tenants:
        return None
    authorizer = event_of(router).raw_event["requestContext"].get("authorizer") or {}
    claims = (authorizer.get("jwt") or {}).get("claims") or {}
    bound = {_role(arn): tenant for arn, tenant in settings.tenants.items()}
    principal = _role((authorizer.get("iam") or {}).get("userArn") or "")
    tenant = claims.get(settings.api_tenant_claim) if settings.api_tenant_claim else None
    tenant = tenant or bound.get(principal)
    if not isinstance(tenant, str) or not tenant:
        raise Problem(HTTPStatus.FORBIDDEN, f"{caller_of(router)} has no tenant at this stage, which binds its callers")
    return None if tenant == ALL_TENANTS else tenant


def _role(arn: str) -> str:
    """Return the ARN of a role without its path, also for a session of it; another ARN as it is."""
    found = ROLE.fullmatch(arn)
    return f"{found[1]}:iam::{found[2]}:role/{found[3]}" if found else arn


def own(router: Router, model: type[Recorded]) -> list[ColumnElement[bool]]:
    """Return the condition that a record is the caller's, none for a caller of all tenants. Every statement needs it."""
    tenant = tenant_of(router)
    return [] if tenant is None else [model.tenant == tenant]


def check_parameters(router: Router, model: type[BaseModel]) -> None:
    """Raise a 422 for a query parameter that ``model`` does not have: if it were ignored, it would seem to work."""
    for name in event_of(router).query_string_parameters:
        if name not in model.model_fields:
            valid = ", ".join(sorted(model.model_fields))
            raise invalid(name, f"unknown parameter {name!r}; valid parameters: {valid}")


def require_route(router: Router, route: str) -> None:
    """Raise a 403 for a request that arrived by another route than ``route…``, and was authorised as something else.

    And for a caller who is bound to a tenant: these routes are about the records of all.

    Warning: the API's curation routes match every path.
    """
    if (tenant := tenant_of(router)) is not None:
        raise Problem(HTTPStatus.FORBIDDEN, f"the caller is bound to tenant {tenant!r}; {route}… is about all tenants")
    if not event_of(router).route_key.startswith(route):
        raise Problem(HTTPStatus.FORBIDDEN, f"authorised as curation; {route}… needs its own authorisation")
