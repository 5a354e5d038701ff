"""``doctor``: what is wrong with a database or a deployed stage, why it matters, and the exact command that mends it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from scrapersky.database import Database
from scrapersky.runtime.registry import SERVICES, Service
from scrapersky.settings import Settings
from scripts.commands.run import databases
from scripts.commands.scrapersky.doctor.deployed import Deployed, construct
from scripts.commands.scrapersky.doctor.examination import examine
from scripts.commands.scrapersky.doctor.finding import Finding, Unchecked, said
from scripts.commands.scrapersky.doctor.queues import check_queues
from scripts.commands.scrapersky.doctor.report import as_json, as_text
from scripts.commands.scrapersky.doctor.stage import Stage
from scripts.commands.scrapersky.doctor.taking import check_taking
from scripts.commands.scrapersky.doctor.ticking import check_ticking
from scripts.commands.scrapersky.trouble import Trouble

OTHER_FUNCTIONS = 6
"""Connections beside those of the messages: a tick of each service, dead-letter, migrate."""


def parser() -> argparse.ArgumentParser:
    """The grammar."""
    made = argparse.ArgumentParser(
        prog="doctor",
        description="What is wrong with a database or a deployed stage, and how to mend it. Changes nothing.",
        epilog="Exit status: 0 nothing to mend, 1 findings, 2 the command was wrong or something could not be looked at.",
    )
    made.add_argument("--database-url", default=os.environ.get("DATABASE_URL"), help="this database (DATABASE_URL)")
    made.add_argument(
        "--stage",
        default=os.environ.get("SCRAPERSKY_STAGE"),
        help="this stage's queues, and its database by its secret unless a url is given (SCRAPERSKY_STAGE)",
    )
    made.add_argument("--region", help="AWS region (else AWS_REGION or the profile's)")
    made.add_argument(
        "--endpoint", default=os.environ.get("AWS_ENDPOINT_URL"), help="an emulated AWS (AWS_ENDPOINT_URL)"
    )
    made.add_argument("--json", action="store_true", help="the report as JSON, for a program")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Looks and tells; returns the exit status."""
    given = parser().parse_args(arguments)
    if not given.stage and not given.database_url:
        parser().error("whom to look at? --stage dev, or --database-url postgresql+pg8000://user:password@host/name")
    stage = Stage(given.stage, given.endpoint, given.region) if given.stage else None
    told = list(look(stage, given.database_url))
    findings = [one for one in told if isinstance(one, Finding)]
    unchecked = [one for one in told if isinstance(one, Unchecked)]
    looked_at = " and ".join(
        [*(["the database"] if given.database_url or stage else []), *([f"stage {given.stage}"] if stage else [])]
    )
    if given.json:
        print(json.dumps(as_json(findings, unchecked, looked_at), indent=2, ensure_ascii=False))
    else:
        print(as_text(findings, unchecked, looked_at))
    return 1 if findings else 2 if unchecked else 0


def look(stage: Stage | None, database_url: str | None) -> Iterator[Finding | Unchecked]:
    """Everything that can be looked at; what cannot is told, and hides nothing else."""
    connections: list[int] = []
    if stage:
        yield from look_at_stage(stage, connections)
    needed = sum(connections) + OTHER_FUNCTIONS if connections else 0
    yield from _or_unchecked("the database", _database(stage, database_url, needed))


def look_at_stage(stage: Stage, connections: list[int]) -> Iterator[Finding | Unchecked]:
    """The stage without its database; adds to ``connections`` how many each service may want at once."""
    for service in SERVICES:
        what = f"{service.name}: its function, queues, mappings and rule"
        yield from _or_unchecked(what, _deployed(stage, service, connections))


def _deployed(stage: Stage, service: Service, connections: list[int]) -> Iterator[Finding]:
    deployed = Deployed.of(stage, service)
    connections.append(deployed.own.max_instances)
    for check in (check_queues, check_taking, check_ticking):
        yield from check(deployed)


def _database(stage: Stage | None, url: str | None, needed: int) -> Iterator[Finding | Unchecked]:
    with _engine(stage, url) as engine:
        yield from examine(engine, stage.name if stage else None, needed=needed)


@contextmanager
def _engine(stage: Stage | None, url: str | None) -> Iterator[Engine]:
    if url:
        engine = databases.engine(url)
    else:
        assert stage
        function = stage.function(stage.output(f"{construct(SERVICES[0])}FunctionName"))
        secret = function["Variables"].get("DATABASE_SECRET", "")
        settings = Settings(database_secret=secret)
        made = Database(settings, "doctor", stage.secret).engine
        engine = made.execution_options(isolation_level="READ COMMITTED")
    try:
        yield engine
    finally:
        engine.dispose()


def _or_unchecked(what: str, told: Iterable[Finding | Unchecked]) -> Iterator[Finding | Unchecked]:
    try:
        yield from told
    except DBAPIError as error:
        yield Unchecked(what, said(error))
    except (Trouble, ClientError, BotoCoreError, OSError) as error:
        yield Unchecked(what, str(error))


if __name__ == "__main__":
    sys.exit(main())
