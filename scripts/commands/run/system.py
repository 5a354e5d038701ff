"""Start the whole system on this machine, and stop it: database, internet, emulated AWS, the deployed stack."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from scrapersky.runtime.registry import Service
from scripts.commands.run import databases
from scripts.commands.run.deployment import deploy, put_secret
from scripts.commands.run.emulator import Aws
from scripts.commands.run.internet.name_server import Mail, Zone, answering
from scripts.commands.run.internet.server import Internet
from scripts.commands.run.internet.website import Website
from scripts.commands.run.postgres import Postgres
from scripts.commands.run.synthesis import synthesizing

# The names that infra/config.py gives the stage: importing them would start the CDK's Node process here (a test compares).
STAGE = "local"
STACK = f"scrapersky-{STAGE}"
DATABASE_SECRET = f"scrapersky/{STAGE}/database"
APP_ROLE, APP_PASSWORD = "scrapersky_app", "local"
PLACES_SECRET = f"scrapersky/{STAGE}/google-places"

PLACES_KEY = "local-places-key"
"""The key that the fake Places API accepts."""

PREFIX = "scrapersky-local-"
LOCK = "in-use"


@dataclass(frozen=True)
class Deployed:
    """What the stack created for one service."""

    function: str
    queue_url: str
    dead_letter_queue_url: str


@dataclass(frozen=True)
class System:
    """The running system. ``outputs`` are the stack's."""

    database_url: str
    aws: Aws
    outputs: Mapping[str, str]

    def deployed(self, service: Service) -> Deployed:
        """Return the function and queues of ``service``."""
        start = "".join(word.capitalize() for word in service.name.split("-"))
        return Deployed(
            function=self.outputs[f"{start}FunctionName"],
            queue_url=self.outputs[f"{start}QueueUrl"],
            dead_letter_queue_url=self.outputs[f"{start}DeadLetterQueueUrl"],
        )

    @property
    def api_url(self) -> str:
        """The base URL of the curation API."""
        return self.outputs["ApiUrl"]

    @classmethod
    @contextmanager
    def start(
        cls,
        folder: Path,
        websites: Mapping[str, Website] | None,
        *,
        without_https: Collection[str] = (),
        mail: Mapping[str, Mail] | None = None,
        database_server: str | None = None,
        report: Callable[[str], None] = lambda _: None,
    ) -> Iterator[System]:
        """Run everything until the block ends, with all files in ``folder``.

        ``websites`` None means that the functions reach the real internet. ``mail`` says how domains take mail; the other
        hosts of ``websites`` have a mail server. ``database_server`` is the URL of a Postgres in
        which a new database is created, and dropped at the end; None starts a server. ``report`` is called with each step.
        """
        with ExitStack() as stack, ThreadPoolExecutor(1) as background:
            assembly = stack.enter_context(synthesizing(STAGE, report=report))
            report("creating the database" if database_server else "starting Postgres")
            database = background.submit(stack.enter_context, _database(folder, database_server))
            environment: dict[str, str] = {}
            if websites is not None:
                internet = Internet.start(websites, folder / "internet", without_https=without_https)
                environment["WEB_LOOPBACK_INTERNET"] = str(stack.enter_context(internet).file)
                zone = Zone({**dict.fromkeys(websites, "mx"), **(mail or {})})
                environment["DNS_LOOPBACK_SERVER"] = stack.enter_context(answering(zone))
            report("starting the emulated AWS")
            aws = stack.enter_context(Aws.start(folder / "aws", environment))
            database_url = database.result()
            owner = databases.address(database_url)
            put_secret(aws, f"{DATABASE_SECRET}-owner", owner)
            put_secret(aws, DATABASE_SECRET, {**owner, "username": APP_ROLE, "password": APP_PASSWORD})
            put_secret(aws, PLACES_SECRET, PLACES_KEY)
            synthesized = assembly()
            report("deploying the stack and migrating the database")
            yield cls(database_url, aws, deploy(aws, synthesized, STACK))


@contextmanager
def run_folder(parent: Path | None = None) -> Iterator[Path]:
    """Yield a new folder under ``parent`` (default: the system's folder for temporary files), removed when the block ends.

    A locked file in it marks it as in use for as long as its run lives. A later run removes the folder of a run that was
    killed.
    """
    parent = parent or Path(tempfile.gettempdir())
    remove_abandoned(parent)
    folder = parent / f"{PREFIX}{secrets.token_hex(6)}"
    try:  # before the folder exists: a signal may end the run at any moment
        folder.mkdir(mode=0o700)
        with (folder / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned(parent: Path) -> None:
    """Remove the folders that killed runs left in ``parent``."""
    for folder in parent.glob(f"{PREFIX}*"):
        # A folder of another user, or one that another run is just creating, is left alone.
        with contextlib.suppress(OSError), (folder / LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _database(folder: Path, server: str | None) -> Iterator[str]:
    """Yield the URL of an empty database whose role has the timeouts that it should have."""
    if server is None:
        with Postgres.start(folder / "postgres") as postgres:
            url = postgres.create_database("scrapersky")
            databases.limit_role(url)
            yield url
        return
    name = f"scrapersky_local_{os.getpid()}_{secrets.token_hex(4)}"
    url = databases.create(server, name)
    try:
        databases.limit_role(url)
        yield url
    finally:
        databases.drop(server, name)
