"""Log in at an OpenID provider: authorization code flow with PKCE and a redirect to this machine.

Sources: OpenID Connect Core 1.0 and Discovery 1.0; RFC 6749 (OAuth 2.0), RFC 7636 (PKCE), RFC 8252 (native apps), RFC 9207
(the issuer in the answer).
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlencode, urlsplit

from botocore.awsrequest import AWSRequest

from scripts.commands.console.upstream import Server, UpstreamError

DISCOVERY = "/.well-known/openid-configuration"
EXPIRY_MARGIN_SECONDS = 30
DEFAULT_LIFE_SECONDS = 300
"""Of a token whose answer does not say it."""
PENDING_LOGINS = 8
"""Logins that may be under way: one a tab of the browser. The oldest one is forgotten."""


class LoginNeeded(Exception):
    """There is no valid token: a person must log in."""


@dataclass(frozen=True)
class Provider:
    """The provider and how this program is registered there: as a public client, without a secret.

    ``audience`` is sent for providers that need it (Auth0); others ignore it (RFC 6749, section 3.1).
    """

    issuer: str
    client_id: str
    scopes: tuple[str, ...]
    audience: str = ""


@dataclass
class Login:
    """The tokens of one person, in memory only. ``redirect_uri`` is where the provider sends the browser back to."""

    provider: Provider
    redirect_uri: str
    clock: Callable[[], float] = time.time
    _access: str = field(default="", repr=False)
    _refresh: str = field(default="", repr=False)
    _expires: float = 0
    _pending: dict[str, tuple[str, str, str]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def begin(self, page: str) -> str:
        """Return the url at which the person logs in to see ``page``. Raises :class:`UpstreamError`."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(self._scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **({"audience": self.provider.audience} if self.provider.audience else {}),
        }
        address = self._endpoint("authorization_endpoint")
        with self._lock:
            while len(self._pending) >= PENDING_LOGINS:
                self._pending.pop(next(iter(self._pending)))
            self._pending[state] = verifier, nonce, page
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(asked)}"

    def finish(self, answer: Mapping[str, str]) -> str:
        """Take the provider's ``answer``, the parameters of its redirect; return the page to show.

        Raises :class:`UpstreamError`.
        """
        with self._lock:
            pending = self._pending.pop(answer.get("state", ""), None)
        if pending is None:
            raise UpstreamError("this login was not started here, or was finished before; open the console again")
        if answer.get("iss", self.provider.issuer) != self.provider.issuer:
            raise UpstreamError(f"the answer is from {answer['iss']}, not from {self.provider.issuer}")
        if "code" not in answer:
            why = answer.get("error_description") or answer.get("error") or "no code was sent"
            raise UpstreamError(f"the provider {self.provider.issuer} did not log you in: {why}")
        verifier, nonce, page = pending
        with self._lock:
            self._request_tokens(
                grant_type="authorization_code",
                code=answer["code"],
                redirect_uri=self.redirect_uri,
                code_verifier=verifier,
                nonce=nonce,
            )
        return page

    def authorize(self, request: AWSRequest) -> None:
        """Add the bearer token, renewed if it expires. Raises :class:`LoginNeeded` and :class:`UpstreamError`."""
        with self._lock:
            if self.clock() >= self._expires - EXPIRY_MARGIN_SECONDS:
                self._renew()
            request.headers["Authorization"] = f"Bearer {self._access}"

    def _renew(self) -> None:
        if not self._refresh:
            raise LoginNeeded
        try:
            self._request_tokens(grant_type="refresh_token", refresh_token=self._refresh)
        except _Rejected:
            self._refresh = ""
            raise LoginNeeded from None

    @cached_property
    def _document(self) -> Mapping[str, Any]:
        """The provider's discovery document."""
        issuer = self.provider.issuer
        answer = _trusted(issuer.rstrip("/") + DISCOVERY).send("GET", "", {"Accept": "application/json"})
        found = _json(answer.content)
        if answer.status_code != 200 or found.get("issuer") != issuer:
            raise UpstreamError(
                f"the issuer {issuer} has no discovery document of its own (status {answer.status_code}, issuer "
                f"{found.get('issuer')!r}): check the stage's jwt_issuer, which ends as the tokens' iss does"
            )
        if "S256" not in found.get("code_challenge_methods_supported", ["S256"]):
            raise UpstreamError(f"the provider {issuer} does not support PKCE with S256, which the login needs")
        return found

    @property
    def _scopes(self) -> tuple[str, ...]:
        """The scopes to ask for: those of the routes, and those by which the provider gives a refresh token."""
        known = self._document.get("scopes_supported", ())
        return (*(one for one in ("openid", "offline_access") if one in known), *self.provider.scopes)

    def _endpoint(self, name: str) -> str:
        url = str(self._document.get(name, ""))
        return _trusted(url).url

    def _request_tokens(self, *, nonce: str = "", **grant: str) -> None:
        """Exchange ``grant`` for tokens; the lock is held. Raises :class:`_Rejected` if the provider refuses it."""
        body = urlencode({**grant, "client_id": self.provider.client_id}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        answer = Server(self._endpoint("token_endpoint")).send("POST", "", headers, body)
        found = _json(answer.content)
        if answer.status_code != 200:
            why = found.get("error_description") or found.get("error") or f"status {answer.status_code}"
            raise _Rejected(f"the provider {self.provider.issuer} gave no token: {why}")
        if not isinstance(found.get("access_token"), str) or str(found.get("token_type", "")).lower() != "bearer":
            raise UpstreamError(f"the provider {self.provider.issuer} gave no bearer token")
        if nonce and "id_token" in found:
            self._check_identity(str(found["id_token"]), nonce)
        life = found.get("expires_in")
        self._access = found["access_token"]
        self._refresh = str(found.get("refresh_token") or self._refresh)
        self._expires = self.clock() + (life if isinstance(life, int | float) else DEFAULT_LIFE_SECONDS)

    def _check_identity(self, token: str, nonce: str) -> None:
        """Raise an :class:`UpstreamError` unless the id token answers this login.

        It came from the issuer over TLS, so its signature need not be verified (OpenID Connect Core, 3.1.3.7, item 6).
        """
        payload = token.split(".")[1] if token.count(".") == 2 else ""
        try:
            claims = _json(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except ValueError:
            claims = {}
        audience = claims.get("aud")
        for name, valid in (
            ("nonce", claims.get("nonce") == nonce),
            ("iss", claims.get("iss") == self.provider.issuer),
            ("aud", self.provider.client_id in (audience if isinstance(audience, list) else [audience])),
        ):
            if not valid:
                raise UpstreamError(f"the id token of {self.provider.issuer} has a wrong {name}: {claims.get(name)!r}")


class _Rejected(UpstreamError):
    """The provider refuses a grant."""


def _trusted(url: str) -> Server:
    """Return the server at ``url``. Raises :class:`UpstreamError` for one whose connection others could read."""
    server = Server(url)
    if not server.is_trusted:
        raise UpstreamError(f"the provider's address {url!r} is not https; codes and tokens are sent to no other")
    return server


def _json(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
