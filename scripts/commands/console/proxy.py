"""A proxy on 127.0.0.1 that forwards the console's pages, and authorises each request as the operator.

A request that the proxy forwards has the operator's rights. So it answers only to its own name (against DNS rebinding), to
the browser that opened the printed link (a token that works once, exchanged for a cookie), and to its own pages (``Origin``
and ``Sec-Fetch-Site``: cookies are shared by all ports of a host). Everything else is a 403.
"""

from __future__ import annotations

import hmac
import html
import json
import re
import secrets
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, quote, unquote, urlencode

from botocore.awsrequest import AWSResponse

from scripts.commands.console.oidc import Login, LoginNeeded, Provider
from scripts.commands.console.upstream import Authorization, Server, UpstreamError

HOST = "127.0.0.1"
PAGES = "/console/"
HOME = "/console/overview"
OPEN = "/open"
"""The path of the printed link."""
CALLBACK = "/callback"
"""The path to which an OpenID provider sends the browser back."""
READ_ONLY_HEADER = "X-Console-Read-Only"

MAX_BODY_BYTES = 4_000_000
"""A function's event has at most 6 MB, and a form arrives in base64."""
IDLE_SECONDS = 60

FORWARDED = frozenset({"accept", "accept-language", "content-type", "if-none-match"})
FORWARDED_GROUPS = ("sec-fetch-", "hx-")
"""Request headers that reach the API, and beginnings of such. Not the cookie: it is the proxy's own."""
NOT_RETURNED = frozenset(
    {"connection", "content-length", "date", "keep-alive", "server", "set-cookie", "trailer", "transfer-encoding"}
)
OWN_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
CONTINUE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>ScraperSky</title>'
    '<meta http-equiv="refresh" content="0; url={0}"><p><a href="{0}">Go on</a></html>'
)
"""A page of the proxy itself that leads on.

A redirect would not do: after one from elsewhere the browser sends no SameSite=Strict cookie, and the console's policy
(form-action, connect-src) allows none to a provider.
"""

GATEWAY_ERRORS = {
    401: "the API refused the token: its issuer, audience or scope is not what the stage expects",
    403: "the API refused you: the principal needs execute-api:Invoke on GET/console/*, and on POST/console/* to change "
    "something (the policies ConsoleViewer and ConsoleOperator of the stack); a token needs the scope of the route",
    404: "the API has no console: deploy this version to the stage",
    429: "the API's throttle was reached; wait a moment and open the page again",
    500: "the API's function failed; scripts/scrapersky logs exceptions shows why",
    503: "the API's function did not answer in time; scripts/scrapersky logs exceptions may show why",
}
"""What API Gateway's own answers mean. They are JSON documents with nothing but a message."""


class Refused(Exception):
    """The proxy itself refuses a request."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


@dataclass
class Console:
    """What the proxy forwards to, and who may use it. ``announce`` gets the link, and a new one after each use."""

    api: Server
    authorization: Authorization
    origin: str
    read_only: bool
    announce: Callable[[str], None]
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    cookie: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def link(self) -> str:
        """The link that opens the console once."""
        return f"{self.origin}{OPEN}?token={self.token}"

    def take(self, token: str) -> bool:
        """Return whether ``token`` is that of the link; no token is taken twice."""
        with self.lock:
            valid = hmac.compare_digest(token.encode(), self.token.encode())
            if valid:
                self.token = secrets.token_urlsafe(32)
                self.announce(self.link)
        return valid

    @property
    def cookie_name(self) -> str:
        """The cookie's name. Browsers send the cookies of all ports to each of them."""
        return f"scrapersky-console-{self.origin.rpartition(':')[2]}"

    def target_of(self, path: str, query: str) -> str:
        """Return the path and query to send to the API. Raises :class:`Refused` for what is no page of the console."""
        decoded = path
        while (more := unquote(decoded)) != decoded:
            decoded = more
        segments = decoded.replace("\\", "/").split("/")
        if not path.startswith(PAGES) or {".", ".."} & set(segments):
            raise Refused(HTTPStatus.FORBIDDEN, f"only pages below {PAGES} are forwarded")
        # API Gateway reads a plus as a space, and expects the signature of %20.
        parameters = urlencode(parse_qsl(query, keep_blank_values=True), quote_via=quote, safe="-_.~")
        return quote(path, safe="/%:@!$&'()*+,;=-_.~") + (f"?{parameters}" if parameters else "")

    def forward(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> AWSResponse:
        """Send a request to the API. Raises :class:`UpstreamError` and :class:`LoginNeeded`."""
        sent = {
            name: value
            for name, value in headers.items()
            if name.lower() in FORWARDED or name.lower().startswith(FORWARDED_GROUPS)
        }
        if "Origin" in headers:
            sent["Origin"] = self.api.origin
        if self.read_only:
            sent[READ_ONLY_HEADER] = "1"
        return self.api.send(method, target, sent, body, self.authorization)


class Listener(ThreadingHTTPServer):
    """Listens on one port of 127.0.0.1, alone."""

    daemon_threads = True
    allow_reuse_port = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing of a browser that went away."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Serves one connection of the browser."""

    console: ClassVar[Console]
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "ScraperSky", ""
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True  # head and body are two packets, and a browser may acknowledge after 40 ms only

    def serve(self) -> None:
        """Answer one request."""
        try:
            self._serve()
        except Refused as refused:
            self._explain(refused.status, refused.why)
        except UpstreamError as error:
            self._explain(HTTPStatus.BAD_GATEWAY, str(error))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = serve

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the terminal shows links only."""

    def _serve(self) -> None:
        console = self.console
        body = self._body()  # before all refusals: what is not read would be taken for the next request
        if self.headers.get_all("Host") != [console.origin.removeprefix("http://")]:
            raise Refused(HTTPStatus.FORBIDDEN, f"this is {console.origin} and answers to no other name")
        path, _, query = self.path.partition("?")
        if path == OPEN and self.command == "GET":
            return self._open(dict(parse_qsl(query)).get("token", ""))
        if path == CALLBACK and self.command == "GET" and isinstance(console.authorization, Login):
            return self._go_on(console.authorization.finish(dict(parse_qsl(query))))
        self._check_browser()
        if path == "/":
            return self._answer(HTTPStatus.SEE_OTHER, {**OWN_HEADERS, "Location": HOME}, b"")
        self._check_method()
        target = console.target_of(path, query)
        try:
            answer = console.forward("GET" if self.command == "HEAD" else self.command, target, {**self.headers}, body)
        except LoginNeeded:
            return self._log_in(target)
        return self._return(answer)

    def _body(self) -> bytes:
        if "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "a body needs a Content-Length")
        length = self.headers.get("Content-Length") or "0"
        if not (re.fullmatch("[0-9]{1,9}", length) and int(length) <= MAX_BODY_BYTES):
            self.close_connection = True
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a form has at most {MAX_BODY_BYTES:,} bytes")
        return self.rfile.read(int(length))

    def _open(self, token: str) -> None:
        """Exchange the token of the printed link for the cookie."""
        if not self._has_cookie() and not self.console.take(token):
            raise Refused(HTTPStatus.FORBIDDEN, "this link was used before; the terminal shows the next one")
        cookie = f"{self.console.cookie_name}={self.console.cookie}; Path=/; HttpOnly; SameSite=Strict"
        self._go_on(HOME, {"Set-Cookie": cookie})

    def _check_browser(self) -> None:
        """Raise :class:`Refused` unless the request is from the console's own page, or typed into its browser."""
        if not self._has_cookie():
            raise Refused(HTTPStatus.FORBIDDEN, "open the link that the terminal shows")
        changes = self.command not in {"GET", "HEAD"}
        origin = self.headers.get("Origin", None if changes else self.console.origin)
        site = self.headers.get("Sec-Fetch-Site", "same-origin")
        if origin != self.console.origin or site not in ({"same-origin"} if changes else {"same-origin", "none"}):
            raise Refused(HTTPStatus.FORBIDDEN, f"the request is from another page (Origin {origin}, {site})")

    def _check_method(self) -> None:
        if self.console.read_only and self.command not in {"GET", "HEAD"}:
            raise Refused(HTTPStatus.FORBIDDEN, "this console is read-only: it was started with --read-only")
        if self.command not in {"GET", "HEAD", "POST"}:
            raise Refused(HTTPStatus.FORBIDDEN, f"the console does not take {self.command}")

    def _has_cookie(self) -> bool:
        try:
            given = SimpleCookie(self.headers.get("Cookie", "")).get(self.console.cookie_name)
        except CookieError:
            return False
        return given is not None and hmac.compare_digest(given.value.encode(), self.console.cookie.encode())

    def _log_in(self, page: str) -> None:
        authorization = self.console.authorization
        assert isinstance(authorization, Login)
        if self.command == "POST":
            why = "your login has expired, and nothing was changed: open the console again, then repeat it"
            raise Refused(HTTPStatus.UNAUTHORIZED, why)
        if "HX-Request" in self.headers:  # part of a page: the browser asks for the whole page, and then logs in
            return self._answer(HTTPStatus.NO_CONTENT, {**OWN_HEADERS, "HX-Refresh": "true"}, b"")
        return self._go_on(authorization.begin(page))

    def _return(self, answer: AWSResponse) -> None:
        if (why := explanation_of(answer)) is not None:
            return self._explain(answer.status_code, why)
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in NOT_RETURNED}
        return self._answer(answer.status_code, headers, answer.content)

    def _go_on(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        own = {**OWN_HEADERS, **(headers or {}), "Content-Type": "text/html; charset=utf-8"}
        self._answer(HTTPStatus.OK, own, CONTINUE.format(html.escape(url)).encode())

    def _explain(self, status: int, why: str) -> None:
        text = {**OWN_HEADERS, "Content-Type": "text/plain; charset=utf-8"}
        self._answer(status, text, f"{why[:1].upper()}{why[1:]}.\n".encode())

    def _answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else content)


def explanation_of(answer: AWSResponse) -> str | None:
    """Return in words what an error of API Gateway itself means, None for an answer of the function."""
    if answer.status_code not in GATEWAY_ERRORS:
        return None
    try:
        own = json.loads(answer.content)
    except ValueError:
        return None
    return (
        GATEWAY_ERRORS[answer.status_code] if isinstance(own, dict) and {*own} in ({"message"}, {"Message"}) else None
    )


@contextmanager
def serving(
    api_url: str,
    authorization: Authorization | Provider,
    announce: Callable[[str], None],
    *,
    read_only: bool = False,
    port: int = 0,
) -> Iterator[Console]:
    """Serve the console of the API at ``api_url`` on loopback until the block ends.

    ``authorization`` signs the requests, or names the provider at which the operator logs in. ``port`` 0 is any free port.
    Raises OSError if the port is taken.
    """

    class Bound(Handler):
        pass

    server = Listener((HOST, port), Bound)
    origin = f"http://{HOST}:{server.server_address[1]}"
    if isinstance(authorization, Provider):
        authorization = Login(authorization, origin + CALLBACK)
    Bound.console = Console(Server(api_url.rstrip("/")), authorization, origin, read_only, announce)
    announce(Bound.console.link)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield Bound.console
    finally:
        server.shutdown()
        server.server_close()
