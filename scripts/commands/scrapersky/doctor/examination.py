"""The examination of one database: all checks, in the order in which their mending works."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from scripts.commands.scrapersky.doctor.finding import Finding, Unchecked, said
from scripts.commands.scrapersky.doctor.health import (
    OLD_SECONDS,
    check_dead_rows,
    check_horizon,
    check_room,
    check_timeouts,
)
from scripts.commands.scrapersky.doctor.records import check_records
from scripts.commands.scrapersky.doctor.revision import check_schema
from scripts.commands.scrapersky.doctor.vocabulary import check_transitions, check_vocabularies

Check = Callable[[Connection], Iterable[Finding]]

READING: tuple[tuple[str, Check], ...] = (
    ("the words of the vocabularies", check_vocabularies),
    ("the table of transitions", check_transitions),
    # Before the schema: a unique index that is missing can be made only when what it forbids is gone.
    ("the records and their attempts", check_records),
)


def examine(
    engine: Engine, stage: str | None = None, *, needed: int = 0, old_seconds: float = OLD_SECONDS
) -> Iterator[Finding | Unchecked]:
    """Everything wrong with the database; changes nothing. Raises :class:`~sqlalchemy.exc.DBAPIError` if it is not there.

    ``needed`` is how many connections the stage may want at once; a transaction older than ``old_seconds`` is told of.
    """
    engine.connect().close()
    schema = list(check_schema(engine, stage))
    if any(isinstance(one, Finding) and one.check == "never_migrated" for one in schema):
        yield from schema
        return
    yield from _read(engine, READING)
    yield from schema
    yield from _read(
        engine,
        (
            ("the timeouts of the role", check_timeouts),
            ("the room for connections", lambda connection: check_room(connection, needed)),
            ("what holds vacuum back", lambda connection: check_horizon(connection, old_seconds)),
            ("dead rows", check_dead_rows),
        ),
    )


def _read(engine: Engine, checks: Iterable[tuple[str, Check]]) -> Iterator[Finding | Unchecked]:
    for what, check in checks:
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("SET TRANSACTION READ ONLY")
                yield from list(check(connection))
        except DBAPIError as error:
            yield Unchecked(what, f"the database refused to be asked: {said(error)}")
