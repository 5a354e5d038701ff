"""The console's proxy against a server of the test: whom it serves, what it forwards, and how it explains errors."""

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPMessage
from typing import Any

import boto3
import pytest
from botocore.credentials import Credentials

from scripts.commands.console.proxy import MAX_BODY_BYTES, Console, serving
from scripts.commands.console.upstream import Signature
from tests.api_server import event_of, signed
from tests.loopback_server import QuietHandler, listening

KEYS = ("AKIDEXAMPLE", "a-secret", "a-session")
NO_KEYS = (None, None, None)
REGION = "eu-west-1"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Api:
    """What the API received, and what it answers."""

    url: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    answer: tuple[int, dict[str, str], bytes] = (200, {"Content-Type": "text/html"}, b"<p>a page")


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """Serve an API that verifies signatures as API Gateway does."""
    made = Api()

    def answered(event: dict[str, Any]) -> dict[str, Any]:
        made.events.append(event)
        status, headers, body = made.answer
        return {"statusCode": status, "headers": headers, "body": body.decode()}

    checked = signed(answered, Credentials(*KEYS), REGION)

    class Gateway(QuietHandler):
        def do_GET(self) -> None:
            answer = checked(
                event_of(self.command, self.path, self.headers.items(), self.body(), "arn:aws:iam::1:user/ada")
            )
            self.answer(answer["statusCode"], answer["headers"], answer["body"].encode())

        do_POST = do_GET

    with listening(Gateway) as url:
        made.url = url
        yield made


@dataclass
class Browser:
    """A browser that shows the console: it has the cookie, and sends the headers that browsers send."""

    console: Console
    links: list[str]

    def request(
        self, method: str, path: str, body: bytes | None = None, /, **changed: str | None
    ) -> tuple[int, HTTPMessage, str]:
        """Send a request; ``changed`` are headers, None leaves one out. Return status, headers and text."""
        headers: dict[str, str | None] = {
            "Cookie": f"{self.console.cookie_name}={self.console.cookie}",
            "Sec-Fetch-Site": "same-origin",
            **({"Origin": self.console.origin, **FORM} if method == "POST" else {}),
            **{name.replace("_", "-"): value for name, value in changed.items()},
        }
        connection = http.client.HTTPConnection(self.console.origin.removeprefix("http://"), timeout=30)
        connection.request(method, path, body, {name: value for name, value in headers.items() if value is not None})
        answer = connection.getresponse()
        found = answer.status, answer.headers, answer.read().decode()
        connection.close()
        return found


@contextmanager
def opened(
    api: Api, *, read_only: bool = False, keys: tuple[str | None, str | None, str | None] = KEYS
) -> Iterator[Browser]:
    """Run a proxy in front of ``api``, and yield a browser for it."""
    api.events.clear()
    api.answer = Api().answer
    links: list[str] = []
    session = boto3.Session(*keys, REGION)
    with serving(api.url, Signature(session, REGION), links.append, read_only=read_only) as console:
        yield Browser(console, links)


@pytest.fixture(scope="module")
def proxy(api: Api) -> Iterator[Browser]:
    """Run one proxy for the tests that only send requests."""
    with opened(api) as browser:
        yield browser


@pytest.fixture
def browser(proxy: Browser, api: Api) -> Browser:
    """Return the browser of that proxy, with an API that received nothing yet."""
    api.events.clear()
    api.answer = Api().answer
    return proxy


def test_a_page_is_forwarded_with_the_operators_signature(browser: Browser, api: Api) -> None:
    api.answer = 200, {"Content-Type": "text/html", "ETag": '"1"', "Set-Cookie": "x=1"}, b"<p>overview"
    status, headers, text = browser.request("GET", "/console/overview?tab=error&q=caf%C3%A9+%26+bar", HX_Request="true")
    assert (status, text, headers["ETag"]) == (200, "<p>overview", '"1"')
    assert "Set-Cookie" not in headers
    (event,) = api.events
    assert (event["rawPath"], event["rawQueryString"]) == ("/console/overview", "tab=error&q=caf%C3%A9%20%26%20bar")
    assert event["headers"]["hx-request"] == "true"
    assert "cookie" not in event["headers"]
    assert "x-console-read-only" not in event["headers"]


def test_a_form_is_forwarded_as_one_of_the_apis_own_origin(browser: Browser, api: Api) -> None:
    assert browser.request("POST", "/console/metadata/requeue", b"reason=again&ids=1")[0] == 200
    (event,) = api.events
    assert event["body"] == "cmVhc29uPWFnYWluJmlkcz0x"
    assert event["headers"]["content-type"] == FORM["Content-Type"]
    assert (event["headers"]["origin"], event["headers"]["sec-fetch-site"]) == (api.url, "same-origin")


def test_head_asks_the_api_for_the_page_and_returns_none_of_it(browser: Browser, api: Api) -> None:
    assert browser.request("HEAD", "/console/overview")[::2] == (200, "")
    assert api.events[0]["requestContext"]["http"]["method"] == "GET"


REFUSED: Mapping[str, tuple[str, str, dict[str, str | None]]] = {
    "another host name, by DNS rebinding": ("GET", "/console/x", {"Host": "evil.example"}),
    "localhost, whose cookies others set": ("GET", "/console/x", {"Host": "localhost:1"}),
    "no cookie": ("GET", "/console/x", {"Cookie": None}),
    "a wrong cookie": ("GET", "/console/x", {"Cookie": "scrapersky-console-1=x"}),
    "a cookie that cannot be read": ("GET", "/console/x", {"Cookie": "a]b=\x7f;;;"}),
    "a link on another site": ("GET", "/console/x", {"Sec_Fetch_Site": "cross-site"}),
    "a page on another port": ("GET", "/console/x", {"Sec_Fetch_Site": "same-site"}),
    "a script of another site": ("GET", "/console/x", {"Origin": "https://evil.example"}),
    "a form of another site": ("POST", "/console/x", {"Origin": "https://evil.example"}),
    "a form of a page without an origin": ("POST", "/console/x", {"Origin": "null"}),
    "a form that does not name its origin": ("POST", "/console/x", {"Origin": None}),
    "a form of another port": ("POST", "/console/x", {"Sec_Fetch_Site": "same-site"}),
    "a form that was typed": ("POST", "/console/x", {"Sec_Fetch_Site": "none"}),
    "the API's own routes": ("GET", "/domains", {}),
    "a trigger": ("POST", "/dev-tools/run", {}),
    "a path that leaves the console": ("GET", "/console/../domains", {}),
    "a path that leaves it in escapes": ("POST", "/console/%2e%2E/dev-tools/run", {}),
    "a path that leaves it in escapes of escapes": ("POST", "/console/%252e%252e/dev-tools/run", {}),
    "a path that leaves it by an escaped slash": ("POST", "/console/x%2f..%5c..%2fdomains", {}),
    "another server": ("GET", "http://evil.example/console/x", {}),
    "another method": ("DELETE", "/console/x", {"Origin": "own"}),
    "the redirect of a login, at a stage without": ("GET", "/callback?code=1&state=2", {"Cookie": None}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_proxy_refuses_and_forwards_nothing(case: str, browser: Browser, api: Api) -> None:
    method, path, changed = REFUSED[case]
    if changed.get("Origin") == "own":
        changed = {**changed, "Origin": browser.console.origin}
    status, headers, text = browser.request(method, path, None, **changed)
    assert (status, api.events) == (403, [])
    assert text.endswith(".\n")
    assert not text.startswith("The API refused"), "it was forwarded, and the gateway refused the signature"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_the_link_works_once_and_the_terminal_gets_the_next_one(api: Api) -> None:
    with opened(api) as browser:
        (link,) = browser.links
        path = link.removeprefix(browser.console.origin)
        assert browser.request("GET", "/open?token=", Cookie=None)[0] == 403
        assert browser.request("GET", path, Cookie=None, Host="evil.example")[0] == 403
        status, headers, page = browser.request("GET", path, Cookie=None, Sec_Fetch_Site="none")
        assert status == 200
        assert 'http-equiv="refresh" content="0; url=/console/overview"' in page
        given, *attributes = headers["Set-Cookie"].split("; ")
        assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Strict"]
        assert browser.request("GET", "/console/", Cookie=given, Sec_Fetch_Site="none")[0] == 200
        status, _, text = browser.request("GET", path, Cookie=None)
        assert (status, text) == (403, "This link was used before; the terminal shows the next one.\n")
        assert browser.request("GET", path, Cookie=given)[0] == 200
        assert len(browser.links) == len({*browser.links}) == 2
        assert browser.request("GET", browser.links[1].removeprefix(browser.console.origin), Cookie=None)[0] == 200


def test_a_read_only_console_says_so_to_the_api_and_refuses_every_change(api: Api) -> None:
    with opened(api, read_only=True) as browser:
        assert browser.request("GET", "/console/overview", X_Console_Read_Only="0")[0] == 200
        assert api.events.pop()["headers"]["x-console-read-only"] == "1"
        status, _, text = browser.request("POST", "/console/metadata/requeue", b"reason=x")
        assert (status, text) == (403, "This console is read-only: it was started with --read-only.\n")
        assert api.events == []


@pytest.mark.parametrize(
    ("status", "body", "shown"),
    [
        (403, {"message": "Forbidden"}, "The API refused you: the principal needs execute-api:Invoke on GET/console/*"),
        (403, {"Message": "User is not authorized"}, "The API refused you: "),
        (429, {"message": "Too Many Requests"}, "The API's throttle was reached"),
        (503, {"message": "Service Unavailable"}, "The API's function did not answer in time"),
        (403, {"title": "Forbidden", "detail": "no tenant"}, '{"title": "Forbidden"'),
        (422, {"message": "of the function"}, '{"message": "of the function"}'),
    ],
)
def test_an_error_of_the_gateway_is_explained_and_one_of_the_function_is_shown(
    status: int, body: dict[str, str], shown: str, browser: Browser, api: Api
) -> None:
    api.answer = status, {"Content-Type": "application/json"}, json.dumps(body).encode()
    found = browser.request("GET", "/console/overview")
    assert found[0] == status
    assert found[2].startswith(shown)


def test_the_gateway_refuses_wrong_credentials_and_the_page_says_what_they_need(api: Api) -> None:
    with opened(api, keys=("AKIDEXAMPLE", "another", "a-session")) as browser:
        status, _, text = browser.request("GET", "/console/overview")
        assert status == 403
        assert "execute-api:Invoke on GET/console/*" in text
        assert api.events == []


def test_without_credentials_the_page_says_how_to_get_them(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    with opened(api, keys=NO_KEYS) as browser:
        status, _, text = browser.request("GET", "/console/overview")
    assert (status, text) == (
        502,
        "AWS needs credentials: set AWS_PROFILE, or run aws configure or aws sso login.\n",
    )


def test_an_api_that_does_not_answer_is_named() -> None:
    with listening(QuietHandler) as url:
        pass
    with opened(Api(url)) as browser:
        status, _, text = browser.request("GET", "/console/overview")
    assert status == 502
    assert text.startswith(f"The server {url} does not answer: ")


def test_a_body_that_is_too_large_or_of_unknown_length_is_refused(browser: Browser, api: Api) -> None:
    assert browser.request("POST", "/console/x", None, Content_Length=str(MAX_BODY_BYTES + 1))[0] == 413
    assert browser.request("POST", "/console/x", None, Content_Length="-1")[0] == 413
    assert browser.request("POST", "/console/x", None, Content_Length="9" * 5_000)[0] == 413
    assert browser.request("POST", "/console/x", None, Transfer_Encoding="chunked")[0] == 411
    assert api.events == []


def test_the_body_of_a_refused_request_is_not_taken_for_the_next_one(browser: Browser, api: Api) -> None:
    host = browser.console.origin.removeprefix("http://")
    name = f"{browser.console.cookie_name}={browser.console.cookie}"
    inner = f"GET /console/x HTTP/1.1\r\nHost: {host}\r\nCookie: {name}\r\nConnection: close\r\n\r\n"
    outer = f"POST /console/x HTTP/1.1\r\nHost: evil.example\r\nContent-Length: {len(inner)}\r\n\r\n{inner}"
    last = f"GET /open?token=x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(host.rpartition(":")[2]))) as connection:
        connection.sendall((outer + last).encode())
        answers = connection.makefile("rb").read()
    assert (answers.count(b"HTTP/1.1 403 "), answers.count(b"HTTP/1.1"), api.events) == (2, 2, [])


def test_a_port_that_is_taken_is_an_error(browser: Browser, api: Api) -> None:
    port = int(browser.console.origin.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"), serving(api.url, Signature(None, REGION), print, port=port):
        pass
