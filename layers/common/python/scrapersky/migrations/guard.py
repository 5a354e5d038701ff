"""Install the guard (``guard.sql``): the triggers by which the database enforces the status machine for every writer.

A migration that changes the guard calls :func:`install`, and one that adds a watched field :func:`watch`.

Warning: a migration that holds one table and waits for another becomes part of a deadlock, whose victim after a second
is the traffic. So each function locks its tables first, and waits for each for a tenth of a second only; then the
migration fails and is tried again (:mod:`scrapersky.migrations.retries`).
"""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection

from scrapersky.status.workflow import Workflow

FILE = Path(__file__).with_name("guard.sql")
SHARED, OF_A_WORKFLOW, OF_ALL_WORKFLOWS, BRANCH, REMOVE_A_WORKFLOW, REMOVE_SHARED = range(6)
"""The parts of the file."""

SHARED_TABLES = ("attempts", "erasures", "pauses", "pending_attempt_checks", "status_events")
Watched = tuple[str, str, str]
"""A table, its status field, and the workflow."""


def install(connection: Connection, watched: Sequence[Watched]) -> None:
    """Create or replace the whole guard, for all the ``watched`` fields."""
    _lock(connection, *(table for table, _, _ in watched), *SHARED_TABLES)
    connection.exec_driver_sql(_part(SHARED))
    for one in watched:
        connection.exec_driver_sql(_of(*one).sql(_part(OF_A_WORKFLOW)))
    _hold_attempts(connection, watched)


def watch(connection: Connection, new: Watched, others: Sequence[Watched]) -> None:
    """Create or replace what guards and audits the status field ``new``. ``others`` are watched already."""
    _lock(connection, new[0], *SHARED_TABLES)
    connection.exec_driver_sql(_of(*new).sql(_part(OF_A_WORKFLOW)))
    _hold_attempts(connection, [*others, new])


def unwatch(connection: Connection, old: Watched, others: Sequence[Watched]) -> None:
    """Remove what :func:`watch` created for ``old``. ``others`` stay watched."""
    _lock(connection, old[0], *SHARED_TABLES)
    connection.exec_driver_sql(_of(*old).sql(_part(REMOVE_A_WORKFLOW)))
    connection.exec_driver_sql(f"DROP TRIGGER guard_{old[2]}_status_truncated ON {old[0]}")
    _hold_attempts(connection, others)


def remove(connection: Connection, watched: Sequence[Watched]) -> None:
    """Remove what :func:`install` created. The tables must have been dropped."""
    for one in watched:
        connection.exec_driver_sql(_of(*one).sql(_part(REMOVE_A_WORKFLOW)))
    connection.exec_driver_sql(_part(REMOVE_SHARED))


def _hold_attempts(connection: Connection, watched: Sequence[Watched]) -> None:
    branches = "".join(_of(*one).sql(_part(BRANCH)) for one in sorted(watched))
    connection.exec_driver_sql(_part(OF_ALL_WORKFLOWS).replace("{branches}", branches))


def _lock(connection: Connection, *tables: str) -> None:
    connection.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
    connection.exec_driver_sql(f"LOCK TABLE {', '.join(dict.fromkeys(tables))} IN ACCESS EXCLUSIVE MODE")


def _part(number: int) -> str:
    parts = FILE.read_text(encoding="utf-8").split("-- ==== ")
    return parts[number] if number == SHARED else parts[number].partition("\n")[2]


def _of(table: str, field: str, workflow: str) -> Workflow:
    return Workflow(workflow, model_name="", field=field, table=table, key="id", job="")
