"""An endpoint on loopback that speaks Lambda's Invoke, in front of handlers of this process."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from scrapersky.runtime.registry import LIVE

Handler = Callable[[dict[str, Any]], Any]


@contextmanager
def serving(functions: Mapping[str, Handler]) -> Iterator[str]:
    """Serve the aliases ``live`` of ``functions``, by their names, until the block ends; yield the endpoint's url.

    An unknown name is answered as AWS does, and an exception becomes an unhandled function error.
    Source: AWS Lambda API Reference, "Invoke".
    """

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            name, _, alias = unquote(self.path.split("/")[3]).partition(":")
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if name not in functions or alias != LIVE:
                message = f"Function not found: {name}"
                self.answer(
                    404, {"Type": "User", "Message": message}, {"x-amzn-ErrorType": "ResourceNotFoundException"}
                )
                return
            try:
                self.answer(200, functions[name](json.loads(body)), {})
            except Exception as error:
                failure = {"errorType": type(error).__name__, "errorMessage": str(error)}
                self.answer(200, failure, {"X-Amz-Function-Error": "Unhandled"})

        def answer(self, status: int, body: Any, headers: Mapping[str, str]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
