"""Store pages: ours (parse, spool, COPY, upsert, in one transaction) against other ways.

All use the same driver and write into the same table with the same indexes.
"""

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, text

from scrapersky.models import Page
from scrapersky.web.sitemaps import Limits, SitemapReader
from scripts.commands.bench.sitemaps.readers import BASE, PIECE
from scripts.commands.bench.status_machine.ours import open_database
from sitemap_import_scheduler.spool import Spool

COLUMNS = "domain_id, url, last_modified, changefreq, priority, page_type, path_depth"
INSERT = f"INSERT INTO pages ({COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s)"
COPY = (
    "COPY pages (domain_id, sitemap_file_id, url, last_modified, changefreq, priority, image_count, video_count,"
    " news_count, hreflang, page_type, path_depth, other_host) FROM STDIN"
)
SCALED = 2_000
"""Rows that the slow ways store; their time is scaled up, as it is proportional to the rows."""

MAKE = (
    "INSERT INTO domains (domain, status) VALUES ('example.com', 'New') RETURNING id",
    "INSERT INTO sitemap_files (domain_id, url, sitemap_type, discovery_method, sitemap_import_status)"
    " VALUES (:domain_id, 'https://www.example.com/sitemap.xml', 'urlset', 'robots_txt', 'New') RETURNING id",
)


def work(way: str, url: str, file: str, go: Callable[[], None]) -> dict[str, Any]:
    """Store the pages of ``file`` in an empty table; return the rows stored and the seconds for all its pages."""
    database = open_database(url)
    with database.transaction() as connection:
        domain_id = connection.execute(text(MAKE[0])).scalar_one()
        file_id = connection.execute(text(MAKE[1]), {"domain_id": domain_id}).scalar_one()
    # The preparation is not timed: only the ways that parse the file do so within their time.
    ready = WAYS[way](Path(file), domain_id, file_id)
    go()
    began = time.perf_counter()
    with database.transaction() as connection:
        share = ready(connection)
    seconds = (time.perf_counter() - began) / share
    with database.autocommit() as connection:
        stored = connection.execute(text("SELECT count(*) FROM pages")).scalar_one()
    return {"seconds": seconds, "rows": stored, "share": share}


Ready = Callable[[Connection], float]
"""Store pages in the open transaction; return which share of the file's pages that was."""


def ours(file: Path, domain_id: int, file_id: int) -> Ready:
    """Store as the import does, from the file's bytes."""

    def store(connection: Connection) -> float:
        spool = _spooled(file)
        spool.store(connection, domain_id=domain_id, sitemap_file_id=file_id, tenant="default")
        return 1.0

    return store


def copy(file: Path, domain_id: int, file_id: int) -> Ready:
    """Run a bare COPY of the same rows, prepared before."""
    rows = _lines(file, domain_id, file_id)

    def store(connection: Connection) -> float:
        _copy(connection, rows)
        return 1.0

    return store


def parsed_copy(file: Path, domain_id: int, file_id: int) -> Ready:
    """Parse with our reader and run a bare COPY: an import that could not be repeated."""

    def store(connection: Connection) -> float:
        _copy(connection, _lines(file, domain_id, file_id))
        return 1.0

    return store


def one_by_one(file: Path, domain_id: int, _: int) -> Ready:
    """Run an INSERT for each row."""
    rows, share = _rows(file, domain_id)

    def store(connection: Connection) -> float:
        cursor = connection.connection.cursor()
        for row in rows:
            cursor.execute(INSERT, row)
        return share

    return store


def many_values(file: Path, domain_id: int, _: int) -> Ready:
    """Use SQLAlchemy's INSERT of many values in a statement."""
    names = COLUMNS.split(", ")
    rows, _share = _rows(file, domain_id, all_of_them=True)
    values = [dict(zip(names, row, strict=True)) for row in rows]

    def store(connection: Connection) -> float:
        for n in range(0, len(values), 1_000):
            connection.execute(insert(Page).values(values[n : n + 1_000]))
        return 1.0

    return store


WAYS: dict[str, Callable[[Path, int, int], Ready]] = {
    "ours: parse, COPY, upsert": ours,
    "bare COPY of ready rows": copy,
    "parse, bare COPY": parsed_copy,
    "INSERT row by row": one_by_one,
    "INSERT of 1,000 rows": many_values,
}


def _spooled(file: Path) -> Spool:
    spool = Spool("example.com")
    reader = SitemapReader(BASE, Limits(urls=10_000_000, decoded_bytes=10_000_000_000))
    with file.open("rb") as body:
        while piece := body.read(PIECE):
            spool.add(reader.feed(piece))
    spool.add(reader.close())
    return spool


def _lines(file: Path, domain_id: int, file_id: int) -> io.BytesIO:
    spool = _spooled(file)._file
    spool.flush()
    spool.seek(0)
    return io.BytesIO(b"".join(b"%d\t%d%s" % (domain_id, file_id, line[line.index(b"\t") :]) for line in spool.buffer))


def _rows(file: Path, domain_id: int, *, all_of_them: bool = False) -> tuple[list[tuple[Any, ...]], float]:
    reader = SitemapReader(BASE, Limits(urls=10_000_000, decoded_bytes=10_000_000_000))
    entries = [*reader.feed(file.read_bytes()), *reader.close()]
    taken = entries if all_of_them else entries[:SCALED]
    rows = [(domain_id, one.url, one.last_modified, one.changefreq, one.priority, "page", 1) for one in taken]
    return rows, len(taken) / len(entries)


def _copy(connection: Connection, rows: io.BytesIO) -> None:
    connection.connection.cursor().execute(COPY, stream=rows)  # type: ignore[call-arg]
