"""Export: write all records of a table that match filters to a file in the stage's bucket, as a stream."""

import asyncio
import errno
import time
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, text

from scrapersky.lists.exports import EXPORTS, is_stale, read_rows
from scrapersky.lists.files import CONTENT_TYPES, WRITERS
from scrapersky.models import Export
from scrapersky.object_store import Upload
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Fail, Made, Outcome, Snooze

MARGIN_SECONDS = 10.0
"""Left at the end of the record's time for the rest of the file."""
ERASED_SECONDS = 60.0
"""Until an export is begun again after something was suppressed or erased."""

SAVE = text(
    "UPDATE exports SET row_count = :rows, size_bytes = :bytes, read_from = :read_from, written_at = now(),"
    " updated_at = now() WHERE id = :id"
)


class _OutOfTime(Exception):
    """The rows cannot be written in the time that is left."""


async def write_export(record: Export, ctx: JobContext) -> Outcome:
    """Write the file; Done with ``written``.

    Snoozes with ``erased_meanwhile`` when something is suppressed or erased while it is written: it begins again, without
    that. Fails with ``too_large`` if the rows need more than the record's time or the function's disk.
    """
    until = time.monotonic() + ctx.remaining() - MARGIN_SECONDS
    try:
        return await asyncio.to_thread(_write, record, ctx, until)
    except _OutOfTime as error:
        if ctx.deadline.is_end:
            return Snooze("out_of_time", "the invocation ended before the record's own deadline", after=0)
        reason = (
            f"after {error} rows the time was up; choose fewer records by filters, or use scripts/scrapersky export"
        )
        return Fail("too_large", f"RECORD_DEADLINE_SECONDS={ctx.settings.record_deadline_seconds:g}: {reason}")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return Fail("too_large", "the workbook needs more disk than the function has; use csv, or fewer records")


def _write(record: Export, ctx: JobContext, until: float) -> Outcome:
    read_from, stale = ctx.read(_begin)
    if stale:
        return _erased()
    exportable, rows = EXPORTS[record.resource], 0

    def chunks() -> Iterator[Any]:
        nonlocal rows
        for chunk in read_rows(ctx.read, exportable, exportable.filters.model_validate(record.filters)):
            rows += len(chunk)
            yield from chunk
            if time.monotonic() > until:
                raise _OutOfTime(f"{rows:,}")

    file = Upload(ctx.settings.export_bucket, record.object_key, CONTENT_TYPES[record.format])
    try:
        options = {"bom": True} if record.bom else {}
        WRITERS[record.format](file, list(exportable.columns), chunks(), **options)
        if ctx.read(lambda connection: is_stale(connection, read_from)):
            file.abort()
            return _erased()
        file.complete()
    except BaseException:
        file.abort()
        raise
    values = {"id": record.id, "rows": rows, "bytes": file.size, "read_from": read_from}

    def save(connection: Connection) -> Made:
        connection.execute(SAVE, values)
        return {}

    return Done("written", write=save, detail={"rows": rows, "bytes": file.size})


def _begin(connection: Connection) -> tuple[Any, bool]:
    now = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now, is_stale(connection, now)


def _erased() -> Snooze:
    return Snooze(
        "erased_meanwhile", "something was suppressed or erased; the file is written anew", after=ERASED_SECONDS
    )
