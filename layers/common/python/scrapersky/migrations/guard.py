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
SHARED, OF_A_WORKFLOW, REMOVE_A_WORKFLOW, REMOVE_SHARED = range(4)
"""The parts of the file."""

SHARED_TABLES = ("attempts", "erasures", "pauses", "pending_attempt_checks", "status_events")
Watched = tuple[str, str, str]
"""A table, its status field, and the workflow."""


def install(connection: Connection, watched: Sequence[Watched]) -> None:
    """Create or replace the whole guard, for all the ``watched`` fields."""
    _lock(connection, *(table for table, _, _ in watched), *SHARED_TABLES)
    connection.exec_driver_sql(_part(SHARED))
    for one in watched:
        watch(connection, *one)


def watch(connection: Connection, table: str, field: str, workflow: str) -> None:
    """Create or replace what guards and audits the status field ``field`` of ``table`` for ``workflow``."""
    _lock(connection, table, *SHARED_TABLES)
    connection.exec_driver_sql(_of(table, field, workflow).sql(_part(OF_A_WORKFLOW)))


def unwatch(connection: Connection, table: str, field: str, workflow: str) -> None:
    """Remove what :func:`watch` created."""
    _lock(connection, table, *SHARED_TABLES)
    connection.exec_driver_sql(_of(table, field, workflow).sql(_part(REMOVE_A_WORKFLOW)))
    connection.exec_driver_sql(f"DROP TRIGGER guard_{workflow}_status_truncated ON {table}")


def remove(connection: Connection, watched: Sequence[Watched]) -> None:
    """Remove what :func:`install` created. The tables must have been dropped."""
    for one in watched:
        connection.exec_driver_sql(_of(*one).sql(_part(REMOVE_A_WORKFLOW)))
    connection.exec_driver_sql(_part(REMOVE_SHARED))


def _lock(connection: Connection, *tables: str) -> None:
    connection.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
    connection.exec_driver_sql(f"LOCK TABLE {', '.join(dict.fromkeys(tables))} IN ACCESS EXCLUSIVE MODE")


def _part(number: int) -> str:
    parts = FILE.read_text(encoding="utf-8").split("-- ==== ")
    return parts[number] if number == SHARED else parts[number].partition("\n")[2]


def _of(table: str, field: str, workflow: str) -> Workflow:
    return Workflow(workflow, model_name="", field=field, table=table, key="id", job="")
