"""The checks of a stage and of its database, in the order in which their repairs work."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from scrapersky.database import Database, ReadSecret
from scrapersky.runtime.registry import SERVICES
from scrapersky.settings import Settings, connections
from scripts.commands.run import databases
from scripts.commands.scrapersky.doctor.database import check_database
from scripts.commands.scrapersky.doctor.finding import Finding, Unchecked, as_json, as_text, message_of
from scripts.commands.scrapersky.doctor.stage import Deployed, Stage, construct
from scripts.commands.scrapersky.doctor.stage_checks import check_service
from scripts.commands.scrapersky.errors import CommandError
from scripts.commands.scrapersky.remote import CONNECT_TIMEOUT_SECONDS


def examine(stage: str | None, url: str | None, region: str | None, endpoint: str | None, *, json_: bool) -> int:
    """Print the report. Return 0 without findings, 1 with some, 2 if something could not be checked."""
    results = list(check(Stage(stage, endpoint, region) if stage else None, url))
    findings = [one for one in results if isinstance(one, Finding)]
    unchecked = [one for one in results if isinstance(one, Unchecked)]
    checked = "the database" + (f" and stage {stage}" if stage else "")
    if json_:
        print(json.dumps(as_json(findings, unchecked, checked), indent=2, ensure_ascii=False))
    else:
        print("\n".join(as_text(findings, unchecked, checked)))
    return 1 if findings else 2 if unchecked else 0


def check(stage: Stage | None, url: str | None) -> Iterator[Finding | Unchecked]:
    """Yield all findings. What cannot be checked is reported and stops no other check."""
    read: list[Deployed] = []
    if stage:
        yield from check_stage(stage, read)
    needed = connections(read[0].settings, [one.own for one in read]) if read else 0
    yield from _or_unchecked("the database", _database(stage, url, needed))


def check_stage(stage: Stage, read: list[Deployed]) -> Iterator[Finding | Unchecked]:
    """Yield the findings of the stage without its database; append each service that could be read."""
    for service in SERVICES:

        def checks(service=service) -> Iterator[Finding]:  # type: ignore[no-untyped-def]
            deployed = Deployed.of(stage, service)
            read.append(deployed)
            yield from check_service(deployed)

        yield from _or_unchecked(f"{service.name}: its function, queues, mappings and rule", checks())


def _database(stage: Stage | None, url: str | None, needed: int) -> Iterator[Finding | Unchecked]:
    with engine_of(stage, url) as engine, _owner(stage, url) as owner:
        yield from check_database(engine, stage.name if stage else None, owner=owner, needed=needed)


@contextmanager
def _owner(stage: Stage | None, url: str | None) -> Iterator[Engine | None]:
    """Yield an engine that logs in as the migrations do; None if a url is given, or their secret may not be read."""
    engine = None
    if stage and not url:
        with suppress(ClientError, BotoCoreError):
            variables = stage.function(f"scrapersky-{stage.name}-migrate")["Variables"]
            names = [variables.get(name, "") for name in ("DATABASE_SECRET", "DATABASE_OWNER_SECRET")]
            secret = json.dumps(json.loads(stage.secret(names[0])) | json.loads(stage.secret(names[1])))
            engine = _connected(names[0], lambda *_, **__: secret)
    try:
        yield engine
    finally:
        if engine:
            engine.dispose()


@contextmanager
def engine_of(stage: Stage | None, url: str | None) -> Iterator[Engine]:
    """Yield an engine on the database of ``url``, or of ``stage`` as its functions log in. Raises :class:`CommandError`."""
    if url:
        try:
            engine = databases.engine(url)
        except databases.DatabaseError as error:
            shown = re.sub(r":[^:/@]*@", ":***@", url)
            raise CommandError(f"DATABASE_URL={shown!r}: {error}") from None
        _reach(url)
    else:
        assert stage
        function = stage.function(stage.output(f"{construct(SERVICES[0])}FunctionName"))
        engine = _connected(function["Variables"].get("DATABASE_SECRET", ""), stage.secret)
    try:
        yield engine
    finally:
        engine.dispose()


def _connected(secret: str, read: ReadSecret) -> Engine:
    database = Database(Settings(database_secret=secret), "doctor", read)
    return database.engine.execution_options(isolation_level="READ COMMITTED")


def _reach(url: str) -> None:
    """Raise :class:`CommandError` unless the server accepts connections: the driver alone would wait for minutes."""
    address = databases.address(url)
    host, port = address["host"] or "localhost", address["port"]
    try:
        socket.create_connection((host, port), CONNECT_TIMEOUT_SECONDS).close()
    except OSError as error:
        raise CommandError(f"DATABASE_URL: could not connect to {host} port {port}: {error}") from None


def _or_unchecked(what: str, results: Iterable[Finding | Unchecked]) -> Iterator[Finding | Unchecked]:
    try:
        yield from results
    except DBAPIError as error:
        yield Unchecked(what, message_of(error))
    except (CommandError, ClientError, BotoCoreError, OSError) as error:
        yield Unchecked(what, str(error))
