"""The login of the console's proxy, against an OpenID provider of the test that checks what it gets."""

import base64
import hashlib
import html
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from botocore.awsrequest import AWSRequest

from scripts.commands.console.oidc import PENDING_LOGINS, Login, LoginNeeded, Provider
from scripts.commands.console.proxy import serving
from scripts.commands.console.upstream import UpstreamError
from tests.loopback_server import QuietHandler, listening
from tests.unit.console.test_proxy import Browser

REDIRECT = "http://127.0.0.1:4711/callback"
SCOPES = ("scrapersky/look",)


@dataclass
class OpenId:
    """An OpenID provider: its discovery document, the codes it gave, and what it was asked."""

    url: str = ""
    document: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    grants: list[dict[str, str]] = field(default_factory=list)
    claims: dict[str, Any] = field(default_factory=dict)
    """What differs in the id token."""
    tokens: dict[str, Any] = field(default_factory=dict)
    """What differs in the answer of the token endpoint."""

    def log_in(self, url: str, **changed: str) -> dict[str, str]:
        """Do what the person does at ``url``; return the parameters of the redirect."""
        assert url.startswith(f"{self.url}/authorize?")
        asked = dict(parse_qsl(urlsplit(url).query))
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.url, **changed}

    def token(self, grant: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Answer a request of the token endpoint."""
        self.grants.append(grant)
        number = len(self.grants)
        answer = {"access_token": f"access-{number}", "token_type": "Bearer", "expires_in": 3600}
        if grant["grant_type"] == "refresh_token":
            return (
                (200, answer | self.tokens)
                if grant["refresh_token"] == "refresh"
                else (400, {"error": "invalid_grant"})
            )
        asked = self.codes.pop(grant["code"])
        challenge = (
            base64.urlsafe_b64encode(hashlib.sha256(grant["code_verifier"].encode()).digest()).decode().rstrip("=")
        )
        if (challenge, grant["redirect_uri"]) != (asked["code_challenge"], asked["redirect_uri"]):
            return 400, {"error": "invalid_grant", "error_description": "the verifier does not fit"}
        claims = {"iss": self.url, "aud": [grant["client_id"]], "nonce": asked["nonce"], **self.claims}
        middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        return 200, answer | {"refresh_token": "refresh", "id_token": f"e30.{middle}.c2ln"} | self.tokens


@pytest.fixture(scope="module")
def server() -> Iterator[OpenId]:
    """Serve the provider."""
    made = OpenId()

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            assert self.path == "/.well-known/openid-configuration"
            self._send(200, made.document)

        def do_POST(self) -> None:
            assert self.path == "/token"
            self._send(*made.token(dict(parse_qsl(self.body().decode()))))

        def _send(self, status: int, document: dict[str, Any]) -> None:
            self.answer(status, {"Content-Type": "application/json"}, json.dumps(document).encode())

    with listening(Handler) as url:
        made.url = url
        yield made


@pytest.fixture
def openid(server: OpenId) -> OpenId:
    """Return the provider as it is when nothing happened yet."""
    url = server.url
    server.__dict__.update(OpenId(url).__dict__)
    server.document = {
        "issuer": url,
        "authorization_endpoint": f"{url}/authorize",
        "token_endpoint": f"{url}/token",
        "scopes_supported": ["openid", "offline_access", "email"],
        "code_challenge_methods_supported": ["plain", "S256"],
    }
    return server


@pytest.fixture
def login(openid: OpenId) -> Login:
    """Return a login that has not begun, at a clock that stands at 1,000."""
    return Login(Provider(openid.url, "console", SCOPES, "https://api.example"), REDIRECT, clock=lambda: 1_000.0)


def refreshed(page: str) -> str:
    """Return where a page of the proxy leads."""
    return html.unescape(page.partition('content="0; url=')[2].partition('"')[0])


def bearer(login: Login) -> str:
    """Return the header of an authorised request."""
    request = AWSRequest("GET", "https://api.example/console/")
    login.authorize(request)
    return str(request.headers["Authorization"])


def test_a_person_logs_in_with_a_code_whose_verifier_only_this_program_knows(openid: OpenId, login: Login) -> None:
    with pytest.raises(LoginNeeded):
        bearer(login)
    asked = parse_qs(urlsplit(login.begin("/console/overview")).query)
    assert asked["scope"] == ["openid offline_access scrapersky/look"]
    assert (asked["redirect_uri"], asked["audience"]) == ([REDIRECT], ["https://api.example"])
    login.finish(openid.log_in(login.begin("/console/overview")))
    assert bearer(login) == "Bearer access-1"
    (grant,) = openid.grants
    assert {"client_id": "console", "redirect_uri": REDIRECT}.items() <= grant.items()
    assert "client_secret" not in grant
    assert len(grant["code_verifier"]) >= 43


def test_no_token_stands_in_a_representation(openid: OpenId, login: Login) -> None:
    login.finish(openid.log_in(login.begin("/console/overview")))
    assert "access-1" not in repr(login)
    assert "refresh" not in repr(login)


def test_a_token_is_renewed_before_it_expires_and_a_new_login_is_needed_when_that_is_refused(
    openid: OpenId, login: Login
) -> None:
    login.finish(openid.log_in(login.begin("/console/overview")))
    login.clock = lambda: 1_000.0 + 3_569
    assert bearer(login) == "Bearer access-1"
    login.clock = lambda: 1_000.0 + 3_570
    assert bearer(login) == "Bearer access-2"
    assert openid.grants[-1] == {"grant_type": "refresh_token", "refresh_token": "refresh", "client_id": "console"}
    openid.tokens = {"refresh_token": "rotated"}
    login.clock = lambda: 1_000.0 + 8_000
    assert bearer(login) == "Bearer access-3"
    login.clock = lambda: 1_000.0 + 16_000
    with pytest.raises(LoginNeeded):
        bearer(login)
    assert openid.grants[-1]["refresh_token"] == "rotated"
    with pytest.raises(LoginNeeded):
        bearer(login)
    assert len(openid.grants) == 4, "a refused refresh token is not sent again"


def test_without_a_refresh_token_the_person_logs_in_again(openid: OpenId, login: Login) -> None:
    openid.tokens = {"refresh_token": None, "expires_in": None}
    login.finish(openid.log_in(login.begin("/console/overview")))
    assert bearer(login) == "Bearer access-1"
    login.clock = lambda: 1_000.0 + 300
    with pytest.raises(LoginNeeded):
        bearer(login)


ANSWERS = {
    "the state of another login": ({"state": "x"}, "this login was not started here"),
    "another issuer": ({"iss": "https://evil.example"}, "the answer is from https://evil.example"),
    "a refusal": (
        {"code": "", "error": "access_denied", "error_description": "not you"},
        "did not log you in: not you",
    ),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_that_is_not_that_of_the_login_is_refused(case: str, openid: OpenId, login: Login) -> None:
    changed, why = ANSWERS[case]
    answer = {
        name: value for name, value in openid.log_in(login.begin("/console/overview"), **changed).items() if value
    }
    with pytest.raises(UpstreamError, match=why):
        login.finish(answer)
    assert openid.grants == []
    with pytest.raises(LoginNeeded):
        bearer(login)


def test_an_answer_is_taken_once(openid: OpenId, login: Login) -> None:
    answer = openid.log_in(login.begin("/console/overview"))
    login.finish(answer)
    with pytest.raises(UpstreamError, match="finished before"):
        login.finish(answer)


def test_of_many_logins_the_oldest_is_forgotten(openid: OpenId, login: Login) -> None:
    urls = [login.begin("/console/overview") for _ in range(PENDING_LOGINS + 1)]
    with pytest.raises(UpstreamError, match="this login was not started here"):
        login.finish(openid.log_in(urls[0]))
    login.finish(openid.log_in(urls[1]))


@pytest.mark.parametrize(
    ("claims", "name"),
    [({"nonce": "x"}, "nonce"), ({"iss": "https://evil.example"}, "iss"), ({"aud": "another"}, "aud")],
)
def test_an_id_token_of_another_login_is_refused(
    claims: dict[str, Any], name: str, openid: OpenId, login: Login
) -> None:
    openid.claims = claims
    with pytest.raises(UpstreamError, match=f"has a wrong {name}: "):
        login.finish(openid.log_in(login.begin("/console/overview")))
    with pytest.raises(LoginNeeded):
        bearer(login)


@pytest.mark.parametrize("token", ["x", "a.b.c", "a.!!!.c", "e30.e30.e30"])
def test_an_id_token_that_cannot_be_read_is_refused(token: str, openid: OpenId, login: Login) -> None:
    openid.tokens = {"id_token": token}
    with pytest.raises(UpstreamError, match="has a wrong nonce: None"):
        login.finish(openid.log_in(login.begin("/console/overview")))


@pytest.mark.parametrize("tokens", [{"access_token": None}, {"token_type": "mac"}])
def test_an_answer_without_a_bearer_token_is_refused(tokens: dict[str, Any], openid: OpenId, login: Login) -> None:
    openid.tokens = tokens
    with pytest.raises(UpstreamError, match="gave no bearer token"):
        login.finish(openid.log_in(login.begin("/console/overview")))


DOCUMENTS: Mapping[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"issuer": "https://evil.example"}, "has no discovery document of its own"),
    "no PKCE": ({"code_challenge_methods_supported": ["plain"]}, "does not support PKCE with S256"),
    "a login in clear": ({"authorization_endpoint": "http://login.example/"}, "is not https"),
    "no login": ({"authorization_endpoint": ""}, "is not https"),
}


@pytest.mark.parametrize("case", DOCUMENTS)
def test_a_provider_that_cannot_be_trusted_is_refused(case: str, openid: OpenId, login: Login) -> None:
    changed, why = DOCUMENTS[case]
    openid.document |= changed
    with pytest.raises(UpstreamError, match=why):
        login.begin("/console/overview")


def test_an_issuer_in_clear_is_asked_nothing() -> None:
    with pytest.raises(UpstreamError, match=r"/\.well-known/openid-configuration' is not https"):
        Login(Provider("http://login.example", "console", SCOPES), REDIRECT).begin("/console/overview")


def test_the_proxy_leads_to_the_login_and_adds_the_token(openid: OpenId) -> None:
    received: list[dict[str, str]] = []

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            received.append({name.lower(): value for name, value in self.headers.items()})
            self.answer(200, {"Content-Type": "text/html"}, b"a page")

    provider = Provider(openid.url, "console", SCOPES)
    with listening(Handler) as url, serving(url, provider, lambda _: None) as console:
        browser = Browser(console, [])
        assert browser.request("POST", "/console/x", b"a=1")[::2] == (
            401,
            "Your login has expired, and nothing was changed: open the console again, then repeat it.\n",
        )
        status, headers, _ = browser.request("GET", "/console/errors", HX_Request="true")
        assert (status, headers["HX-Refresh"]) == (204, "true")
        status, _, page = browser.request("GET", "/console/errors?code=a%26b")
        assert status == 200
        answer = openid.log_in(refreshed(page))
        callback = f"/callback?code={answer['code']}&state={answer['state']}"
        status, _, page = browser.request("GET", callback, Cookie=None, Sec_Fetch_Site="cross-site")
        assert (status, refreshed(page), received) == (200, "/console/errors?code=a%26b", [])
        assert browser.request("GET", "/console/overview")[::2] == (200, "a page")
        assert browser.request("GET", callback, Cookie=None)[0] == 502
    assert received[0]["authorization"] == "Bearer access-1"
    assert openid.codes == {}
