"""One Postgres server for all contenders of a run, and the resources that it used.

Unlike the local run's server it is durable: every commit waits for the disk.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from scrapersky import migrations
from scripts.commands.bench.child import family_cpu_seconds
from scripts.commands.run.postgres import Postgres

SETTINGS = {
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "shared_preload_libraries": "pg_stat_statements",
    "autovacuum_naptime": "10s",
    "log_min_messages": "fatal",
}
"""The same for all contenders; the sizes are those of a small server."""

MIGRATED = "migrated"
_numbers = count(1)


@dataclass(frozen=True)
class Usage:
    """What the server has done so far, in one database."""

    wal_bytes: int
    versions: int  #: row versions made obsolete by updates and deletes
    hot: int  #: updates among them that touched no index
    statements: int
    cpu_seconds: float

    def since(self, earlier: "Usage") -> "Usage":
        """Return the difference to ``earlier``."""
        return Usage(*(getattr(self, one.name) - getattr(earlier, one.name) for one in fields(self)))


@dataclass(frozen=True)
class Server:
    """A running server with a migrated template."""

    postgres: Postgres
    postmaster: int
    version: str
    durability: str

    def create_database(self, *, migrated: bool) -> str:
        """Create a database; return its SQLAlchemy url."""
        return self.postgres.create_database(f"bench_{next(_numbers)}", template=MIGRATED if migrated else None)

    def drop(self, url: str) -> None:
        """Drop a database, so that its vacuuming does not disturb the next contender."""
        self.postgres.drop_database(str(make_url(url).database))

    def settle(self, url: str) -> None:
        """Vacuum, analyse and checkpoint, so that every contender starts alike."""
        self.run(url, "VACUUM ANALYZE", "CHECKPOINT")

    def run(self, url: str, *statements: str, **values: Any) -> list[Any]:
        """Run ``statements``, each in its own transaction; return the rows of the last."""
        engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                answer = connection.execute(text(statement), values)
            return list(answer) if answer.returns_rows else []

    def usage(self, url: str) -> Usage:
        """Return what the server did so far, in sessions that have ended."""
        ((wal, versions, hot, statements),) = self.run(
            url,
            "SELECT pg_stat_force_next_flush()",
            "SELECT (SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint),"
            " (SELECT coalesce(sum(n_tup_upd + n_tup_del), 0)::bigint FROM pg_stat_user_tables),"
            " (SELECT coalesce(sum(n_tup_hot_upd), 0)::bigint FROM pg_stat_user_tables),"
            " (SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements AS statements"
            "  JOIN pg_database ON pg_database.oid = statements.dbid WHERE datname = current_database() AND toplevel)",
        )
        return Usage(wal, versions, hot, statements, family_cpu_seconds(self.postmaster))


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that :func:`running` needs."""
    parser.add_argument("--without-durability", action="store_true", help="fsync and synchronous_commit off, for all")


@contextmanager
def running(directory: Path, *, durable: bool) -> Iterator[Server]:
    """Run a server in ``directory`` until the block ends."""
    switch = "on" if durable else "off"
    durability = dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), switch)
    with Postgres.start(directory, settings={**SETTINGS, **durability}) as postgres:
        engine = create_engine(postgres.create_database(MIGRATED), poolclass=NullPool)
        with engine.begin() as connection:
            migrations.upgrade(connection)
        # template1 is the template of the databases of other projects.
        for name in ("template1", MIGRATED):
            with create_engine(postgres.url_of(name), poolclass=NullPool).begin() as connection:
                connection.execute(text("CREATE EXTENSION pg_stat_statements"))
                version = connection.execute(text("SHOW server_version")).scalar_one()
        (pid_file,) = directory.rglob("postmaster.pid")
        yield Server(postgres, int(pid_file.read_text().split()[0]), version, switch)
