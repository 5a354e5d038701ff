"""A server on loopback that passes requests to a handler as an HTTP API does (payload 2.0)."""

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.loopback_server import QuietHandler, listening

Handler = Callable[[dict[str, Any]], dict[str, Any]]
TEXTS = ("text/", "application/json", "application/xml", "application/javascript")
"""Media types whose bodies arrive as text; all others arrive in base64."""


def event_of(method: str, target: str, headers: list[tuple[str, str]], body: bytes, caller: str) -> dict[str, Any]:
    """Return the event of a request. Repeated parameters and headers are joined by commas.

    Source: Amazon API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs".
    """
    path, _, query = target.partition("?")
    path = unquote(path)
    named: dict[str, str] = {}
    for name, value in headers:
        named[name.lower()] = ",".join(filter(None, (named.get(name.lower()), value)))
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    apart = ("/console/", "/dev-tools/", "/data-protection/") if method == "POST" else ("/console/",)
    own = next((one for one in apart if path.startswith(one)), "/")
    route = f"{method} {own}{{proxy+}}"
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": query,
        "headers": named,
        "queryStringParameters": parameters,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "api",
            "authorizer": {"iam": {"userArn": caller}},
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            "requestId": "request-1",
            "routeKey": route,
            "stage": "$default",
            "timeEpoch": 0,
        },
        "isBase64Encoded": False,
    }
    if body:
        encoded = not named.get("content-type", "text/").startswith(TEXTS)
        event["isBase64Encoded"] = encoded
        event["body"] = base64.b64encode(body).decode() if encoded else body.decode(errors="surrogateescape")
    return event


def signed(handler: Handler, credentials: Credentials, region: str) -> Handler:
    """Return ``handler`` behind the check of a route with IAM authorisation: a 403 without a valid signature.

    Source: AWS General Reference, "Signature Version 4", with botocore's canonical form of the request.
    """

    def authorised(event: dict[str, Any]) -> dict[str, Any]:
        given = event["headers"].get("authorization", "").rpartition("Signature=")[2]
        if not given or given != expected_signature(event):
            return {
                "statusCode": 403,
                "headers": {"Content-Type": "application/json"},
                "body": '{"message":"Forbidden"}',
            }
        return handler(event)

    def expected_signature(event: dict[str, Any]) -> str:
        headers = event["headers"]
        named = headers.get("authorization", "").partition("SignedHeaders=")[2].partition(",")[0].split(";")
        assert {"host", "x-amz-date", "x-amz-security-token"} <= set(named), f"unsigned: {named}"
        body = event.get("body", "")
        request = AWSRequest(
            event["requestContext"]["http"]["method"],
            f"http://{headers['host']}{event['rawPath']}?{event['rawQueryString']}",
            data=base64.b64decode(body) if event["isBase64Encoded"] else body.encode(),
            headers={name: headers[name] for name in named},
        )
        request.context["timestamp"] = headers["x-amz-date"]
        auth = SigV4Auth(credentials, "execute-api", region)
        return str(auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request))

    return authorised


@contextmanager
def serving(handler: Handler, caller: str) -> Iterator[str]:
    """Serve ``handler`` until the block ends; yield the server's url. One request at a time, as one Lambda does."""
    lock = threading.Lock()

    class Server(QuietHandler):
        protocol_version = "HTTP/1.1"

        def handle_request(self) -> None:
            event = event_of(self.command, self.path, self.headers.items(), self.body(), caller)
            with lock:
                answer = handler(event)
            self.answer(answer["statusCode"], answer["headers"], answer["body"].encode())

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_TRACE = do_QUERY = handle_request

    with listening(Server) as url:
        yield url
