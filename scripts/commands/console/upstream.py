"""Requests to the API, signed with AWS credentials, and to the issuer of tokens."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
TIMEOUT_SECONDS = 35
"""Longer than an HTTP API waits for its function (30 seconds)."""


class UpstreamError(RuntimeError):
    """The API or the issuer cannot be used; the message says what is wrong and what to do."""


class Authorization(Protocol):
    """What makes a request one of the operator's."""

    def authorize(self, request: AWSRequest) -> None:
        """Add the headers. Raises :class:`UpstreamError`."""


@dataclass(frozen=True)
class Signature:
    """Signs requests with the credentials of ``session``, a boto3 session, for routes that need IAM."""

    session: Any
    region: str

    def authorize(self, request: AWSRequest) -> None:
        """Sign ``request`` (AWS Signature Version 4, service execute-api). Raises :class:`UpstreamError`."""
        try:
            credentials = self.session.get_credentials()
            if credentials is None:
                raise UpstreamError("AWS needs credentials: set AWS_PROFILE, or run aws configure or aws sso login")
            frozen = credentials.get_frozen_credentials()  # those of a role or of SSO are renewed when they expire
        except (BotoCoreError, ClientError) as error:
            raise UpstreamError(f"AWS credentials cannot be used: {error}; aws sso login may renew them") from None
        SigV4Auth(frozen, "execute-api", self.region).add_auth(request)


@dataclass(frozen=True)
class Server:
    """The server at ``url`` (scheme, host, and perhaps a path without a slash at its end)."""

    url: str

    @property
    def origin(self) -> str:
        """The scheme and host, as a browser writes them in ``Origin``."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def is_trusted(self) -> bool:
        """Whether nothing between here and the server can read what is sent."""
        parts = urlsplit(self.url)
        return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)

    @cached_property
    def _session(self) -> URLLib3Session:
        local = urlsplit(self.url).hostname in LOOPBACK
        return URLLib3Session(
            verify=os.environ.get("AWS_CA_BUNDLE") or True,  # type: ignore[arg-type]  # botocore passes a file, too
            proxies={} if local else get_environ_proxies(self.url),
            timeout=TIMEOUT_SECONDS,
        )

    def send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        authorization: Authorization | None = None,
    ) -> AWSResponse:
        """Send a request and return the answer, whatever its status. Raises :class:`UpstreamError`."""
        request = AWSRequest(method, self.url + path, dict(headers), body)
        if authorization:
            authorization.authorize(request)
        try:
            return self._session.send(request.prepare())
        except BotoCoreError as error:
            raise UpstreamError(f"the server {self.origin} does not answer: {error}") from None
