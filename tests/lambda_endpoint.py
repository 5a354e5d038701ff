"""An endpoint on loopback that speaks Lambda's Invoke, in front of handlers of this process."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from scrapersky.runtime.registry import LIVE
from tests.loopback_server import QuietHandler, listening

Handler = Callable[[dict[str, Any]], Any]


@contextmanager
def serving(functions: Mapping[str, Handler]) -> Iterator[str]:
    """Serve the aliases ``live`` of ``functions``, by their names, until the block ends; yield the endpoint's url.

    An unknown name is answered as AWS does, and an exception becomes an unhandled function error.
    Source: AWS Lambda API Reference, "Invoke".
    """

    class Endpoint(QuietHandler):
        def do_POST(self) -> None:
            self.answer(*self.invoked(json.loads(self.body())))

        def invoked(self, event: dict[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
            name, _, alias = unquote(self.path.split("/")[3]).partition(":")
            if name not in functions or alias != LIVE:
                missing = {"Type": "User", "Message": f"Function not found: {name}"}
                return 404, {"x-amzn-ErrorType": "ResourceNotFoundException"}, json.dumps(missing).encode()
            try:
                return 200, {}, json.dumps(functions[name](event)).encode()
            except Exception as error:
                failure = {"errorType": type(error).__name__, "errorMessage": str(error)}
                return 200, {"X-Amz-Function-Error": "Unhandled"}, json.dumps(failure).encode()

    with listening(Endpoint) as url:
        yield url
