"""A client that calls the curation API's handler as an HTTP API does (payload 2.0)."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection, RowMapping, text

from api.application import Application
from api.in_time import InTime
from scrapersky.runtime.registry import METADATA
from scrapersky.status.claim import claim
from scrapersky.vocabulary import RecordId, Status
from tests.api_server import event_of
from tests.integration.lambda_context import LambdaContext

ADA = "arn:aws:iam::000000000000:user/ada"


@dataclass
class Answer:
    """A response: its status, its JSON, and its headers."""

    status: int
    json: Any
    headers: dict[str, str]

    @property
    def content_type(self) -> str:
        """The media type of the body."""
        return self.headers.get("Content-Type", "")


@dataclass
class Api:
    """The API, called by ``caller``."""

    application: Application | InTime
    caller: str = ADA
    headers: dict[str, str] = field(default_factory=dict)
    context: LambdaContext = field(default_factory=LambdaContext)

    def get(self, path: str, **parameters: Any) -> Answer:
        """Send a GET with query parameters."""
        return self.send("GET", path, None, query=parameters)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a POST with JSON; underscores in a header's name become hyphens."""
        return self.send("POST", path, json.dumps(body), headers={"content-type": "application/json", **headers})

    def send(
        self,
        method: str,
        path: str,
        body: str | None,
        *,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        route_key: str | None = None,
        encoded: bool = False,
    ) -> Answer:
        """Send any request."""
        named = [(name.replace("_", "-"), value) for name, value in {**self.headers, **(headers or {})}.items()]
        event = event_of(method, f"{path}?{urlencode(query or {})}", named, b"", self.caller)
        if route_key:
            event["routeKey"] = event["requestContext"]["routeKey"] = route_key
        event |= {"isBase64Encoded": encoded, **({"body": body} if body is not None else {})}
        answer = self.application.handler(event, self.context)
        headers = answer.get("headers", {}) | {k: v[0] for k, v in answer.get("multiValueHeaders", {}).items()}
        return Answer(answer["statusCode"], json.loads(answer["body"]), headers)


def row(connection: Connection, table: str, record_id: int) -> RowMapping:
    """Return the whole row."""
    found = connection.execute(text(f"SELECT * FROM {table} WHERE id = :id"), {"id": record_id})
    return found.mappings().one()


def results(answer: Answer) -> list[str]:
    """Return the result of each row or record."""
    assert answer.status in {200, 201}, answer.json
    return [one["result"] for one in answer.json["results"]]


def domains(connection: Connection, *names: str, status: Status | str = Status.NEW) -> list[RecordId]:
    """Add domains and return their ids."""
    return [
        connection.execute(
            text("INSERT INTO domains (domain, status) VALUES (:name, CAST(:status AS work_status)) RETURNING id"),
            {"name": name, "status": str(status)},
        ).scalar_one()
        for name in names
    ]


def seize(connection: Connection, ids: list[RecordId]) -> None:
    """Claim Queued domains as a tick does, so that they are Processing."""
    held = claim(connection, METADATA, batch=10, max_in_flight=10, dispatch_lease=60, trigger="manual", ids=ids)
    assert len(held) == len(ids)
