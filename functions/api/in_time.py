"""Answer in time, whatever hangs: the client is to receive our problem document, and not the gateway's timeout."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from api.application import Application
from api.console import answers
from api.problem import as_event, respond

ANSWER_SECONDS = 1.0
"""Left of the function's time to answer when the request is given up."""


class InTime:
    """Serves each request in a thread, and gives it up shortly before the function's timeout."""

    def __init__(self, make: Callable[[], Application]) -> None:
        self._make = make
        self._start()

    def _start(self) -> None:
        self._application = self._make()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="request")

    def handler(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Serve one request of the HTTP API (payload 2.0)."""
        seconds = context.get_remaining_time_in_millis() / 1000 - ANSWER_SECONDS
        # The database ends first, because its error says more.
        self._application.dependencies.database.end = time.monotonic() + seconds - ANSWER_SECONDS / 2
        serving = self._thread.submit(self._application.handler, event, context)
        try:
            return serving.result(seconds)
        except TimeoutError:
            self._application.observer.log.error("request not answered in time", extra={"seconds": seconds})
            self._start()  # what hangs keeps its thread and its application, and neither is used again
            detail = "the request was not served in time; send it again, with an Idempotency-Key if it writes"
            return answers.finished(event, as_event(respond(HTTPStatus.SERVICE_UNAVAILABLE, detail)))
