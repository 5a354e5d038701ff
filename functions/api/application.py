"""The application: its routers, its error responses, and the OpenAPI document at /openapi.json."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError

from api import data_protection, dev_tools, request_body
from api.console import actions, answers, records
from api.console import pages as pages_of_console
from api.dependencies import KEY, Dependencies
from api.problem import Problem, as_event, respond, respond_to_invalid, respond_to_problem
from api.resources import (
    changes,
    contacts,
    domains,
    exports,
    labels,
    local_businesses,
    pages,
    place_searches,
    places,
    sitemap_files,
    sitemaps,
)
from api.triggers import Triggers
from scrapersky.database import LOST_RACE, Database, ReadSecret, sqlstate
from scrapersky.metrics import Observer
from scrapersky.secret_store import read_secret
from scrapersky.settings import Settings, load
from scrapersky.status.transitions import ATTEMPT_MISMATCH, ILLEGAL_TRANSITION, INCONSISTENT_COMPANION

NAME = "api"
ROUTERS = (
    place_searches,
    places,
    local_businesses,
    domains,
    sitemaps,
    sitemap_files,
    pages,
    contacts,
    changes,
    exports,
    labels,
    dev_tools,
    data_protection,
    pages_of_console,
    records,
    actions,
)
GUARD_REFUSALS = frozenset({ILLEGAL_TRANSITION, ATTEMPT_MISMATCH, INCONSISTENT_COMPANION})
"""SQLSTATEs of the database's guard."""
TRY_AGAIN = "other transactions hold the records for too long; nothing was changed, send the request again"
UNREACHABLE = "the database does not answer; send the request again, with an Idempotency-Key if it writes"
UNAVAILABLE = {
    "57014": "the statement took too long and was cancelled; filter by status, id or domain, or send fewer records",
    **dict.fromkeys(("55P03", *LOST_RACE), TRY_AGAIN),
}
"""SQLSTATEs answered with a 503: query_canceled, lock_not_available, and a race for locks lost at every try."""
MAX_STATEMENT_SECONDS = 20.0
"""Less than the function's 29 seconds (:mod:`api.in_time`), so that the server cancels the statement."""


class Application:
    """The function's state, made once per cold start."""

    def __init__(self, environment: Mapping[str, str], secrets: ReadSecret = read_secret) -> None:
        settings = load(Settings, environment)
        timeout = min(settings.database_statement_timeout_seconds, MAX_STATEMENT_SECONDS)
        settings = settings.model_copy(update={"database_statement_timeout_seconds": timeout})
        self.observer = Observer(NAME, settings.stage)
        self.dependencies = Dependencies(
            settings, Database(settings, NAME, secrets), Triggers(settings.stage), self.observer
        )
        self.app = APIGatewayHttpResolver(enable_validation=True)
        for module in ROUTERS:
            self.app.include_router(module.router)
        self._register_error_responses()
        self.app.get("/openapi.json", include_in_schema=False, enable_validation=False)(self.openapi)

    def handler(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Serve one request of the HTTP API (payload 2.0)."""
        self.observer.begin(context)
        prepared = answers.prepared if answers.is_about(event) else request_body.checked
        return answers.finished(event, self._serve(event, context, prepared))

    def _serve(
        self, event: dict[str, Any], context: Any, prepared: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> dict[str, Any]:
        try:
            http = event["requestContext"]["http"]
            self._check_method(http["method"], http["path"])
            event = prepared(event)
        except Problem as problem:
            return as_event(respond_to_problem(problem))
        self.app.append_context(**{KEY: self.dependencies})
        return self.app.resolve(event, context)

    def openapi(self) -> Response[str]:
        """Return the OpenAPI document, generated from the routes' types."""
        # Only this route needs OpenAPI's models, whose import would delay every cold start.
        from api.openapi import document_of  # noqa: PLC0415

        document = document_of(self.app, self.dependencies.settings.api_bulk_max)
        return Response(HTTPStatus.OK, content_type="application/json", body=document)

    def _register_error_responses(self) -> None:
        app = self.app
        app.exception_handler(Problem)(respond_to_problem)
        app.exception_handler(RequestValidationError)(respond_to_invalid)
        app.not_found(self._not_found)
        app.exception_handler(DBAPIError)(self._database_error)
        app.exception_handler(Exception)(self._failed)

    def _not_found(self, _: NotFoundError) -> Response[str]:
        event = self.app.current_event
        detail = f"there is no route {event.http_method} {event.path}; /openapi.json lists all routes"
        return respond(HTTPStatus.NOT_FOUND, detail)

    def _check_method(self, method: str, path: str) -> None:
        """Raise a 405 for a path that takes other methods only. ``/domains/bulk`` is no ``/domains/<record_id>``."""
        for routes in (self.app._static_routes, self.app._dynamic_routes):
            if methods := {route.method for route in routes if route.rule.match(path)}:
                if method not in methods:
                    allowed = ", ".join(sorted(methods))
                    detail = f"{path} does not take {method}; valid: {allowed}"
                    raise Problem(HTTPStatus.METHOD_NOT_ALLOWED, detail, headers={"Allow": allowed})
                return

    def _database_error(self, error: DBAPIError) -> Response[str]:
        state = sqlstate(error)
        if error.connection_invalidated:
            self.observer.log.exception("the database does not answer", exc_info=error)
            return respond(HTTPStatus.SERVICE_UNAVAILABLE, UNREACHABLE)
        if state in UNAVAILABLE:
            return respond(HTTPStatus.SERVICE_UNAVAILABLE, UNAVAILABLE[state])
        if state in GUARD_REFUSALS:
            return respond(HTTPStatus.CONFLICT, str(error.orig.args[0]["M"]) if error.orig else str(error))
        return self._failed(error)

    def _failed(self, error: Exception) -> Response[str]:
        self.observer.log.exception("request failed", exc_info=error)
        return respond(HTTPStatus.INTERNAL_SERVER_ERROR, "the request failed; the function's log has the reason")
