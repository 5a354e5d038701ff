"""``explain``: every change of one record's status and every attempt at it, with when, how long, who and why."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.exc import DBAPIError, InterfaceError

from scrapersky.runtime.registry import WORKFLOWS, service_of
from scrapersky.status.explain import as_text, explain
from scripts.commands.run import databases
from scripts.commands.scrapersky.arguments import record_id, workflow
from scripts.commands.scrapersky.remote import Remote
from scripts.commands.scrapersky.trouble import Trouble


def parser() -> argparse.ArgumentParser:
    """The grammar."""
    made = argparse.ArgumentParser(
        prog="explain",
        description="One record's whole timeline.",
        epilog="Exit status: 0 told, 1 there is no such record or nobody to ask, 2 the command was wrong.",
    )
    made.add_argument("workflow", type=workflow, metavar="WORKFLOW", help=", ".join(WORKFLOWS))
    made.add_argument("id", type=record_id, metavar="ID", help="the record's id")
    made.add_argument("--database-url", default=os.environ.get("DATABASE_URL"), help="ask this database (DATABASE_URL)")
    made.add_argument("--stage", help="ask this stage's function instead")
    made.add_argument("--region", help="AWS region (else AWS_REGION or the profile's)")
    made.add_argument(
        "--endpoint", default=os.environ.get("AWS_ENDPOINT_URL"), help="an emulated AWS (AWS_ENDPOINT_URL)"
    )
    made.add_argument("--json", action="store_true", help="the answer as JSON, for a program")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Tells the timeline; returns the exit status."""
    given = parser().parse_args(arguments)
    try:
        timeline = from_stage(given) if given.stage else from_database(given)
    except Trouble as trouble:
        print(f"explain: {trouble}", file=sys.stderr)
        return 1
    print(json.dumps(timeline, indent=2, ensure_ascii=False) if given.json else as_text(timeline))
    return 0


def from_stage(given: argparse.Namespace) -> Mapping[str, Any]:
    """Asks the service's own function, as any operator may. Raises :class:`Trouble`."""
    remote = Remote(given.stage, given.endpoint, given.region)
    service = service_of(WORKFLOWS[given.workflow])
    answer: Mapping[str, Any] = remote.invoke(
        service.name, {"action": "explain", "workflow": given.workflow, "id": given.id}
    )
    return answer


def from_database(given: argparse.Namespace) -> Mapping[str, Any]:
    """Reads the timeline. Raises :class:`Trouble`."""
    if not given.database_url:
        raise Trouble(
            "whom to ask? --stage dev, or --database-url (DATABASE_URL) postgresql+pg8000://user:password@host/name"
        )
    asked = WORKFLOWS[given.workflow]
    engine = databases.engine(given.database_url)
    try:
        with engine.connect() as connection:
            timeline = explain(connection, asked, given.id)
    except (DBAPIError, InterfaceError) as error:
        raise Trouble(f"the database could not be asked: {error.orig}") from None
    finally:
        engine.dispose()
    if timeline is None:
        raise Trouble(f"{asked.table} has no record {given.id}")
    return timeline


if __name__ == "__main__":
    sys.exit(main())
