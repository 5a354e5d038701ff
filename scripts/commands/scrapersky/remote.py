"""Invokes a stage's functions, as ``aws lambda invoke`` would."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from scrapersky.runtime.registry import LIVE
from scripts.commands.scrapersky.errors import CommandError, InvalidCommand, Refused
from scripts.commands.scrapersky.options import is_local

BAD_REQUEST = 400
NO_ENDPOINT = (
    "--stage local needs the endpoint that scripts/run --keep prints: "
    "--endpoint http://127.0.0.1:PORT, or AWS_ENDPOINT_URL"
)
NO_REGION = "AWS needs a region: set --region, AWS_REGION, or a profile that has one"
STAGE = re.compile(r"[a-z][a-z0-9-]{0,19}")
CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 910
"""Longer than a function may run: ``process`` answers when the work is done."""


@dataclass(frozen=True)
class Remote:
    """The functions of ``stage``. ``endpoint`` is an emulated AWS; None means AWS itself."""

    stage: str
    endpoint: str | None = None
    region: str | None = None

    def __post_init__(self) -> None:
        if not STAGE.fullmatch(self.stage):
            raise InvalidCommand(
                f"--stage {self.stage!r}: valid are lower-case letters, digits and hyphens, such as dev"
            )
        if self.stage == "local" and not self.endpoint:
            raise CommandError(NO_ENDPOINT)

    def name_of(self, function: str) -> str:
        """Return the full name of ``function`` in this stage, with the alias of its deployed version."""
        return f"scrapersky-{self.stage}-{function}:{LIVE}"

    def invoke(self, function: str, payload: Mapping[str, Any]) -> Any:
        """Send ``payload`` and return the answer.

        Raises :class:`CommandError` if the function cannot be invoked or fails, and :class:`Refused` for an error answer.
        """
        name = self.name_of(function)
        try:
            response = self.client.invoke(FunctionName=name, Payload=json.dumps(payload).encode())
        except ClientError as error:
            raise CommandError(self._explained(name, error)) from None
        except NoCredentialsError:
            raise CommandError(
                "AWS needs credentials: set AWS_PROFILE, or run aws configure or aws sso login"
            ) from None
        except BotoCoreError as error:
            raise CommandError(f"could not reach {name}: {error}") from None
        body = response["Payload"].read()
        try:
            answer = json.loads(body)
        except ValueError:
            raise CommandError(f"{name} answered without JSON: {body[:200]!r}") from None
        if "FunctionError" in response:
            kind, message = answer.get("errorType", response["FunctionError"]), answer.get("errorMessage", "")
            raise CommandError(f"{name} failed with {kind}: {message}; see scrapersky logs exceptions")
        if isinstance(answer, dict) and set(answer) == {"error"}:
            problem = answer["error"]
            raise Refused(f"{problem['field']}: {problem['message']}")
        return answer

    def call(self, path: str, body: Mapping[str, Any] | None, actor: str) -> Any:
        """Send a request to the stage's API, by its function: a POST, a GET without a body.

        The audit trail names ``actor``. Raises :class:`Refused`.
        """
        method = "GET" if body is None else "POST"
        http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"}
        event = {
            "version": "2.0",
            "routeKey": f"{method} /{{proxy+}}",
            "rawPath": path,
            "rawQueryString": "",
            "headers": {"content-type": "application/json"},
            "requestContext": {"http": http, "authorizer": {"iam": {"userArn": actor}}, "stage": "$default"},
            **({} if body is None else {"body": json.dumps(body)}),
            "isBase64Encoded": False,
        }
        answer = self.invoke("api", event)
        document = json.loads(answer["body"])
        if answer["statusCode"] >= BAD_REQUEST:
            raise Refused(document["detail"])
        return document

    @cached_property
    def client(self) -> Any:
        """A Lambda client. An emulated AWS on this machine needs no credentials."""
        return client("lambda", self.endpoint, self.region, CONFIG)

    def _explained(self, name: str, error: ClientError) -> str:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        where = self.endpoint or self.client.meta.region_name
        if code == "ResourceNotFoundException":
            return f"there is no function {name} in {where}: stage {self.stage!r} is not deployed there"
        if code in {"AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException"}:
            return f"AWS refused to invoke {name}: {message}; lambda:InvokeFunction on it is needed"
        return f"could not invoke {name}: {code}: {message}"


CONFIG = Config(
    connect_timeout=CONNECT_TIMEOUT_SECONDS,
    read_timeout=READ_TIMEOUT_SECONDS,
    retries={"total_max_attempts": 1},  # repeating is safe, but a person waits and should see the error
    max_pool_connections=16,
)


def client(service: str, endpoint: str | None, region: str | None, config: Config | None = None) -> Any:
    """Return a boto3 client. An emulated AWS on this machine needs no credentials. Raises :class:`CommandError`."""
    try:
        made: Any = session(endpoint, region).client(service, endpoint_url=endpoint, config=config)
    except NoRegionError:
        raise CommandError(NO_REGION) from None
    except (BotoCoreError, ValueError) as error:
        raise CommandError(str(error)) from None
    return made


def session(endpoint: str | None, region: str | None) -> Any:
    """Return a boto3 session with the credentials for ``endpoint``. Raises BotoCoreError."""
    local = is_local(endpoint)
    key = "test" if local else None
    return boto3.Session(key, key, region_name=region or ("us-east-1" if local else None))
