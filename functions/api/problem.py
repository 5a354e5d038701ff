"""Errors as problem documents (RFC 9457): what is wrong, in which field, with which value, and what is valid."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.exceptions import ValidationException

from scrapersky.errors import shorten

CONTENT_TYPE = "application/problem+json"


class Problem(Exception):
    """The request cannot be served; becomes the response ``status`` with a problem document naming ``field``."""

    def __init__(
        self, status: HTTPStatus, detail: str, *, field: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field
        self.headers = headers or {}


def invalid(field: str, detail: str) -> Problem:
    """Return a 422 about one field of the request."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, field=field)


def refused(field: str, detail: str) -> Problem:
    """Return a 409 about one field of a request that fits the OpenAPI document, and that records or settings do not admit."""
    return Problem(HTTPStatus.CONFLICT, detail, field=field)


def respond(status: HTTPStatus, detail: str, errors: Sequence[Mapping[str, Any]] = ()) -> Response[str]:
    """Return the response with the problem document."""
    document: dict[str, Any] = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
    if errors:
        document["errors"] = errors
    return Response(status, content_type=CONTENT_TYPE, body=json.dumps(document, ensure_ascii=False))


def respond_to_problem(problem: Problem) -> Response[str]:
    """Return the response for a :class:`Problem`."""
    errors = [{"field": problem.field, "message": problem.detail}] if problem.field else []
    response = respond(problem.status, problem.detail, errors)
    response.headers.update(problem.headers)
    return response


def respond_to_invalid(invalid: ValidationException) -> Response[str]:
    """Return the 422 for a request that does not fit its model: every invalid field with its value."""
    errors = [
        {
            "field": _field(one["loc"]),
            "message": one["msg"].removeprefix("Value error, "),
            "given": shorten(json.dumps(one.get("input"), ensure_ascii=False, default=str)),
        }
        for one in invalid.errors()
    ]
    detail = "; ".join(f"{one['field']}: {one['message']}" for one in errors)
    return respond(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors)


def as_event(response: Response[str]) -> dict[str, Any]:
    """Return a response in the HTTP API's format (payload 2.0), for a request that reached no route."""
    return {
        "statusCode": response.status_code,
        "headers": {"Content-Type": CONTENT_TYPE, **response.headers},
        "body": response.body,
        "isBase64Encoded": False,
    }


def _field(location: Sequence[Any]) -> str:
    """Return ``ids.3`` for ``("body", "ids", 3)`` and ``limit`` for ``("query", "query", "limit")``; else the location."""
    where, *path = map(str, location)
    if where == "query" and path[1:]:
        path = path[1:]
    return ".".join(path) or where
