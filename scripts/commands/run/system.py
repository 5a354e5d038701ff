"""Brings the whole system up on this machine, and down again: database, internet, emulated AWS, the deployed stack."""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.config import LOCAL
from scrapersky.runtime.registry import Service
from scripts.commands.run import databases
from scripts.commands.run.deployment import deploy, put_secret
from scripts.commands.run.emulator import Aws
from scripts.commands.run.internet.server import Internet
from scripts.commands.run.internet.website import Website
from scripts.commands.run.postgres import Postgres
from scripts.commands.run.synthesis import synthesizing

PLACES_KEY = "local-places-key"
"""The key that the fake Places API accepts."""


@dataclass(frozen=True)
class Deployed:
    """What the stack made for one service."""

    function: str
    queue_url: str
    dead_letter_queue_url: str


@dataclass(frozen=True)
class System:
    """Everything running. ``outputs`` are the stack's."""

    database_url: str
    aws: Aws
    outputs: Mapping[str, str]

    def deployed(self, service: Service) -> Deployed:
        """The function and queues of ``service``."""
        start = "".join(word.capitalize() for word in service.name.split("-"))
        return Deployed(
            function=self.outputs[f"{start}FunctionName"],
            queue_url=self.outputs[f"{start}QueueUrl"],
            dead_letter_queue_url=self.outputs[f"{start}DeadLetterQueueUrl"],
        )

    @property
    def api_url(self) -> str:
        """Where the curation API answers; the name in the stack's own output has an address that no resolver knows."""
        api_id = self.outputs["ApiUrl"].partition("://")[2].partition(".")[0]
        return f"{self.aws.endpoint}/_aws/execute-api/{api_id}/$default"

    @classmethod
    @contextmanager
    def start(
        cls,
        folder: Path,
        websites: Mapping[str, Website] | None,
        *,
        without_https: Collection[str] = (),
        database_server: str | None = None,
    ) -> Iterator[System]:
        """Runs everything until the block ends, with all files in ``folder``.

        ``websites`` None means that the functions reach the real internet. ``database_server`` is the url of a Postgres
        in which a database of our own is made, and dropped at the end; None starts one.
        """
        with ExitStack() as stack, ThreadPoolExecutor(1) as meanwhile:
            assembly = stack.enter_context(synthesizing())
            database = meanwhile.submit(stack.enter_context, _database(folder, database_server))
            environment: dict[str, str] = {}
            if websites is not None:
                internet = Internet.start(websites, folder / "internet", without_https=without_https)
                environment["WEB_LOOPBACK_INTERNET"] = str(stack.enter_context(internet).file)
            aws = stack.enter_context(Aws.start(folder / "aws", environment))
            database_url = database.result()
            put_secret(aws, LOCAL.database_secret, databases.address(database_url))
            put_secret(aws, LOCAL.places_secret, PLACES_KEY)
            outputs = deploy(aws, assembly(), LOCAL.stack)
            yield cls(database_url, aws, outputs)


@contextmanager
def _database(folder: Path, server: str | None) -> Iterator[str]:
    """The url of an empty database."""
    if server is None:
        with Postgres.start(folder / "postgres") as postgres:
            yield postgres.create_database("scrapersky")
        return
    name = f"scrapersky_local_{os.getpid()}_{secrets.token_hex(4)}"
    url = databases.create(server, name)
    try:
        yield url
    finally:
        databases.drop(server, name)
