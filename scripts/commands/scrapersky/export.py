"""Write all records that match filters to a file: csv, ndjson or xlsx. Reads the database itself."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO

from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DBAPIError

from scrapersky.errors import plural
from scrapersky.lists.exports import EXPORTS, Exportable, Rows, read_rows
from scrapersky.lists.files import WRITERS
from scripts.commands.scrapersky.by_filter import filter_of, resource_of
from scripts.commands.scrapersky.doctor.command import engine_of
from scripts.commands.scrapersky.doctor.finding import message_of
from scripts.commands.scrapersky.doctor.stage import Stage
from scripts.commands.scrapersky.errors import CommandError, InvalidCommand

if TYPE_CHECKING:
    from scrapersky.lists.filters import Filter


def write_export(
    resource: str,
    form: str,
    where: Sequence[str],
    output: Path | None,
    *,
    bom: bool,
    stage: Stage | None,
    url: str | None,
) -> int:
    """Write the file and report the number of rows on standard error; return 0. Raises :class:`CommandError`."""
    table = resource.replace("-", "_")
    if table not in EXPORTS:
        valid = ", ".join(one.replace("_", "-") for one in EXPORTS)
        raise InvalidCommand(f"there is no export of {resource!r}; valid: {valid}")
    if bom and form != "csv":
        raise InvalidCommand(f"--bom: {form} has no byte order mark; valid with --format csv")
    if form == "xlsx" and output is None and sys.stdout.isatty():
        raise InvalidCommand("xlsx is not for a terminal: --output FILE is needed")
    wanted = _wanted(table, where)
    options = {"bom": True} if bom else {}
    try:
        with engine_of(stage, url) as engine, _opened(output) as file:
            count = _Count()
            rows = count.rows(engine, EXPORTS[table], wanted)
            WRITERS[form](file, list(EXPORTS[table].columns), rows, **options)
    except DBAPIError as error:
        raise CommandError(f"the export failed, and nothing was kept: {message_of(error)}") from None
    except OSError as error:
        raise CommandError(f"could not write {output or 'standard output'}: {error.strerror}") from None
    print(f"{resource}: {plural(count.written, 'row')}" + (f" in {output}" if output else ""), file=sys.stderr)
    return 0


class _Count:
    """Counts the rows that pass, and shows a progress bar on a terminal."""

    written = 0

    def rows(self, engine: Engine, export: Exportable, wanted: Filter) -> Iterator[Sequence[Any]]:
        with engine.begin() as connection:
            last = connection.execute(select(func.max(export.model.id))).scalar_one() or 0

        def read(chunk: Callable[[Connection], Rows]) -> Rows:
            with engine.begin() as connection:
                return chunk(connection)

        chunks = read_rows(read, export, wanted)
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress:
            # By the ids that are passed: counting the rows of a filter may take longer than writing them.
            task = progress.add_task("export", total=last)
            for chunk in chunks:
                yield from chunk
                self.written += len(chunk)
                progress.update(task, completed=chunk[-1][0], description=f"{self.written:,} rows")


def _wanted(table: str, where: Sequence[str]) -> Filter:
    try:
        return EXPORTS[table].filters.model_validate(filter_of(resource_of(table), where))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "filters"
        message = first["msg"].replace("Input should be", "must be")
        raise InvalidCommand(f"--where {name}={first['input']!r}: {message}") from None


@contextmanager
def _opened(output: Path | None) -> Iterator[BinaryIO]:
    """Yield the file to write. It appears under its name when it is complete, readable by its owner only."""
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with NamedTemporaryFile(dir=output.parent, prefix=f".{output.name}.", delete=False) as file:
        part = Path(file.name)
        try:
            yield file  # type: ignore[misc]
            file.close()
            part.replace(output)
        finally:
            part.unlink(missing_ok=True)
