"""What a request needs, handed to the routers by the application."""

from dataclasses import dataclass
from typing import cast

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from api.triggers import Triggers
from scrapersky.database import Database
from scrapersky.settings import Settings

KEY = "wiring"


@dataclass(frozen=True)
class Wiring:
    """Made once per cold start."""

    settings: Settings
    database: Database
    triggers: Triggers


def wiring_of(router: Router) -> Wiring:
    """The wiring of the application that ``router`` serves just now."""
    return cast(Wiring, router.context[KEY])


def event_of(router: Router) -> APIGatewayProxyEventV2:
    """The request that ``router`` serves just now."""
    return cast(APIGatewayProxyEventV2, router.current_event)


def caller_of(router: Router) -> str:
    """Who asks, for the audit trail: the IAM principal's ARN, the token's subject, or that nobody was told."""
    authorizer = event_of(router).raw_event["requestContext"].get("authorizer") or {}
    iam = (authorizer.get("iam") or {}).get("userArn")
    subject = ((authorizer.get("jwt") or {}).get("claims") or {}).get("sub")
    return f"api:{iam or subject or 'unknown'}"
