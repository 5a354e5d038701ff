"""The application: routers, errors, and the OpenAPI document at /openapi.json."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError

from api import request_body
from api.problem import Problem, as_event, respond, respond_to_invalid, respond_to_problem
from api.routers import dev_tools, domains, local_businesses, pages, places, sitemap_files, sitemaps
from api.triggers import Triggers
from api.wiring import KEY, Wiring
from scrapersky.database import Database, ReadSecret, sqlstate
from scrapersky.metrics import Observer
from scrapersky.secret_store import read_secret
from scrapersky.settings import Settings, load
from scrapersky.status.transitions import ATTEMPT_MISMATCH, ILLEGAL_TRANSITION, INCONSISTENT_COMPANION

NAME = "api"
VERSION = "1.0.0"
ROUTERS = (places, local_businesses, domains, sitemaps, sitemap_files, pages, dev_tools)
REFUSED_BY_THE_DATABASE = frozenset({ILLEGAL_TRANSITION, ATTEMPT_MISMATCH, INCONSISTENT_COMPANION})
TOOK_TOO_LONG = {
    "57014": "the database took too long and stopped; a filter by status, id or domain, or fewer records, may be quick enough",
    "55P03": "others hold the records for longer than a request may wait; nothing was changed, try again",
}
"""PostgreSQL's query_canceled and lock_not_available."""
LONGEST_STATEMENT_SECONDS = 20.0
"""The function ends after 29 seconds and an HTTP API after 30, with an answer of its own; the client is to hear it from us."""


class Application:
    """The function's state, made once per cold start."""

    def __init__(self, environment: Mapping[str, str], secrets: ReadSecret = read_secret) -> None:
        settings = load(Settings, environment)
        longest = min(settings.database_statement_timeout_seconds, LONGEST_STATEMENT_SECONDS)
        settings = settings.model_copy(update={"database_statement_timeout_seconds": longest})
        self.observer = Observer(NAME, settings.stage)
        self.wiring = Wiring(settings, Database(settings, NAME, secrets), Triggers(settings.stage))
        self.app = APIGatewayHttpResolver(enable_validation=True)
        for module in ROUTERS:
            self.app.include_router(module.router)
        self._answer_errors()
        self.app.get("/openapi.json", include_in_schema=False, enable_validation=False)(self.openapi)

    def handler(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Lambda's entry point: one request of the HTTP API (payload 2.0)."""
        try:
            request_body.refuse(event)
        except Problem as problem:
            return as_event(respond_to_problem(problem))
        self.app.append_context(**{KEY: self.wiring})
        return self.app.resolve(event, context)

    def openapi(self) -> Response[str]:
        """The OpenAPI document, generated from the routes' types."""
        document = self.app.get_openapi_json_schema(
            title="ScraperSky curation API",
            version=VERSION,
            description="Look at records, add some, decide what goes on; /dev-tools passes operators' triggers on.",
        )
        return Response(HTTPStatus.OK, content_type="application/json", body=document)

    def _answer_errors(self) -> None:
        app = self.app
        app.exception_handler(Problem)(respond_to_problem)
        app.exception_handler(RequestValidationError)(respond_to_invalid)
        app.not_found(self._not_found)
        app.exception_handler(DBAPIError)(self._database_refused)
        app.exception_handler(Exception)(self._failed)

    def _not_found(self, _: NotFoundError) -> Response[str]:
        event = self.app.current_event
        return respond(HTTPStatus.NOT_FOUND, f"there is no {event.http_method} {event.path}; /openapi.json lists all")

    def _database_refused(self, error: DBAPIError) -> Response[str]:
        if sqlstate(error) in TOOK_TOO_LONG:
            return respond(HTTPStatus.SERVICE_UNAVAILABLE, TOOK_TOO_LONG[str(sqlstate(error))])
        if sqlstate(error) in REFUSED_BY_THE_DATABASE:
            return respond(HTTPStatus.CONFLICT, str(error.orig.args[0]["M"]) if error.orig else str(error))
        return self._failed(error)

    def _failed(self, error: Exception) -> Response[str]:
        self.observer.log.exception("request failed", exc_info=error)
        return respond(HTTPStatus.INTERNAL_SERVER_ERROR, "the request failed; the function's log has the reason")
