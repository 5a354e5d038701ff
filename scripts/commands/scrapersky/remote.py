"""Speaks to a stage's functions, as ``aws lambda invoke`` would."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from scripts.commands.scrapersky.trouble import Refused, Trouble

STAGE = re.compile(r"[a-z][a-z0-9-]{0,19}")
READ_TIMEOUT_SECONDS = 910
"""Longer than a function may run: ``process`` answers when the work is done."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Remote:
    """The functions of ``stage``; ``endpoint`` stands for AWS where it is emulated, None means AWS."""

    stage: str
    endpoint: str | None = None
    region: str | None = None

    def __post_init__(self) -> None:
        if not STAGE.fullmatch(self.stage):
            raise Trouble(f"--stage {self.stage!r}: lower-case letters, digits and hyphens are right, such as dev")
        if self.stage == "local" and not self.endpoint:
            raise Trouble(
                "--stage local needs the endpoint that scripts/run --keep prints: "
                "--endpoint http://127.0.0.1:PORT, or AWS_ENDPOINT_URL"
            )

    def name_of(self, function: str) -> str:
        """The full name of ``function`` in this stage."""
        return f"scrapersky-{self.stage}-{function}"

    def invoke(self, function: str, payload: Mapping[str, Any]) -> Any:
        """Sends ``payload`` and returns the answer. Raises :class:`Trouble`, or :class:`Refused` for an error answer."""
        name = self.name_of(function)
        try:
            answer = self.client.invoke(FunctionName=name, Payload=json.dumps(payload).encode())
        except ClientError as error:
            raise Trouble(self._explained(name, error)) from None
        except NoCredentialsError:
            raise Trouble("AWS asks who you are: set AWS_PROFILE, or run aws configure or aws sso login") from None
        except BotoCoreError as error:
            raise Trouble(f"{name} could not be reached: {error}") from None
        said = answer["Payload"].read()
        try:
            told = json.loads(said)
        except ValueError:
            raise Trouble(f"{name} answered with no JSON: {said[:200]!r}") from None
        if "FunctionError" in answer:
            kind, message = told.get("errorType", answer["FunctionError"]), told.get("errorMessage", "")
            raise Trouble(f"{name} failed with {kind}: {message}; its log has the rest")
        if isinstance(told, dict) and set(told) == {"error"}:
            problem = told["error"]
            raise Refused(f"{problem['field']}: {problem['message']}")
        return told

    @cached_property
    def client(self) -> Any:
        """A Lambda client; an emulated AWS on loopback needs no credentials of anybody."""
        local = self.endpoint is not None and urlsplit(self.endpoint).hostname in LOOPBACK
        made_up = "test" if local else None
        # One attempt: repeating is safe, but a person waits, and would rather be told.
        config = Config(read_timeout=READ_TIMEOUT_SECONDS, retries={"total_max_attempts": 1}, max_pool_connections=16)
        region = self.region or ("us-east-1" if local else None)
        try:
            session = boto3.Session(made_up, made_up, region_name=region)
            return session.client("lambda", endpoint_url=self.endpoint, config=config)
        except NoRegionError:
            raise Trouble("AWS asks which region: set --region, AWS_REGION, or a profile that has one") from None
        except (BotoCoreError, ValueError) as error:
            raise Trouble(str(error)) from None

    def _explained(self, name: str, error: ClientError) -> str:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        where = self.endpoint or self.client.meta.region_name
        if code == "ResourceNotFoundException":
            return f"there is no function {name} in {where}: stage {self.stage!r} is not deployed there"
        if code in {"AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException"}:
            return f"AWS refused to invoke {name}: {message}; lambda:InvokeFunction on it is needed"
        return f"{name} could not be invoked: {code}: {message}"
