"""Pass manual payloads on to the services' own functions. The API itself runs no job."""

import json
from functools import cached_property
from http import HTTPStatus
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from api.problem import Problem, refused
from scrapersky import aws
from scrapersky.runtime.registry import LIVE, Service

READ_SECONDS = 25.0
"""An HTTP API gives up after 30 seconds; that limit cannot be raised."""


class Triggers:
    """Invokes the functions of the services of ``stage``."""

    def __init__(self, stage: str) -> None:
        self._stage = stage

    def ask(self, service: Service, payload: dict[str, Any]) -> dict[str, Any]:
        """Send ``payload`` and return the service's answer. Raises a 409 if the service refuses it, a 502 if it fails."""
        answer = self._invoke(service, payload, "RequestResponse")
        result = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            detail = f"{service.name} failed: {result.get('errorMessage')}; its log has the details"
            raise Problem(HTTPStatus.BAD_GATEWAY, detail)
        if set(result) == {"error"}:
            raise refused(result["error"]["field"], result["error"]["message"])
        return dict(result)

    def start(self, service: Service, payload: dict[str, Any]) -> None:
        """Send ``payload`` without waiting, for work that may take longer than a request may."""
        self._invoke(service, payload, "Event")

    def _invoke(self, service: Service, payload: dict[str, Any], kind: Any) -> Any:
        name = f"scrapersky-{self._stage}-{service.name}:{LIVE}"
        try:
            return self._client.invoke(FunctionName=name, InvocationType=kind, Payload=json.dumps(payload).encode())
        except (ClientError, BotoCoreError) as error:
            raise Problem(HTTPStatus.BAD_GATEWAY, f"{name} could not be invoked: {error}") from None

    @cached_property
    def _client(self) -> Any:
        return aws.client("lambda", read_seconds=READ_SECONDS, attempts=1)
