"""The stage of a benchmark: one Postgres of its own, the same for all contenders, and what can be read from it.

Unlike the local run's it is durable: a commit waits for the disk, whoever commits.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from scrapersky import migrations
from scripts.commands.run.postgres import Postgres

DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
SETTINGS = {
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "shared_preload_libraries": "pg_stat_statements",
    "autovacuum_naptime": "10s",
    "log_min_messages": "fatal",
}
"""The same for all contenders; sizes are a small server's."""

MIGRATED = "migrated"
TICKS = os.sysconf("SC_CLK_TCK")
_numbers = count(1)


@dataclass(frozen=True)
class Reading:
    """What the server has done so far, in one database."""

    wal_bytes: int
    versions: int  #: row versions made obsolete by updates and deletes
    hot: int  #: updates among them that touched no index
    statements: int
    cpu_seconds: float

    def since(self, earlier: "Reading") -> "Reading":
        """What it did after ``earlier``."""
        return Reading(
            self.wal_bytes - earlier.wal_bytes,
            self.versions - earlier.versions,
            self.hot - earlier.hot,
            self.statements - earlier.statements,
            self.cpu_seconds - earlier.cpu_seconds,
        )


@dataclass(frozen=True)
class Stage:
    """A running server with a migrated template."""

    postgres: Postgres
    postmaster: int
    version: str

    def database(self, *, migrated: bool) -> str:
        """A fresh database; returns its SQLAlchemy url."""
        return self.postgres.create_database(f"bench_{next(_numbers)}", template=MIGRATED if migrated else None)

    def drop(self, url: str) -> None:
        """Drops a database, so that its vacuuming disturbs nobody."""
        self.postgres.drop_database(str(make_url(url).database))

    def settle(self, url: str) -> None:
        """Vacuums, analyses and checkpoints, so that every contender starts alike."""
        self.run(url, "VACUUM ANALYZE", "CHECKPOINT")

    def run(self, url: str, *statements: str, **values: Any) -> list[Any]:
        """The rows of the last of ``statements``, each its own transaction."""
        engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                answer = connection.execute(text(statement), values)
            return list(answer) if answer.returns_rows else []

    def read(self, url: str) -> Reading:
        """What the server did so far; sessions that ended have told their share."""
        ((wal, versions, hot, statements),) = self.run(
            url,
            "SELECT pg_stat_force_next_flush()",
            "SELECT (SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint),"
            " (SELECT coalesce(sum(n_tup_upd + n_tup_del), 0)::bigint FROM pg_stat_user_tables),"
            " (SELECT coalesce(sum(n_tup_hot_upd), 0)::bigint FROM pg_stat_user_tables),"
            " (SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements AS said"
            "  JOIN pg_database ON pg_database.oid = said.dbid WHERE datname = current_database() AND toplevel)",
        )
        return Reading(wal, versions, hot, statements, family_cpu_seconds(self.postmaster))


@contextmanager
def prepared(directory: Path, *, durable: bool = True, settings: Mapping[str, str] | None = None) -> Iterator[Stage]:
    """Runs the server in ``directory`` until the block ends."""
    chosen = {**SETTINGS, **(DURABLE if durable else FAST), **(settings or {})}
    with Postgres.start(directory, settings=chosen) as postgres:
        engine = create_engine(postgres.create_database(MIGRATED), poolclass=NullPool)
        with engine.begin() as connection:
            migrations.upgrade(connection)
        # In the template of all databases made from now on, and in ours.
        for name in ("template1", MIGRATED):
            with create_engine(postgres.url_of(name), poolclass=NullPool).begin() as connection:
                connection.execute(text("CREATE EXTENSION pg_stat_statements"))
                version = connection.execute(text("SHOW server_version")).scalar_one()
        (pid_file,) = directory.rglob("postmaster.pid")
        yield Stage(postgres, int(pid_file.read_text().split()[0]), version)


def family_cpu_seconds(pid: int) -> float:
    """Processor seconds of a process, its living children and its dead ones, down all generations."""
    parents: dict[int, list[int]] = {}
    spent: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
            spent[int(entry.name)] = sum(map(int, fields[11:15])) / TICKS
    total, family = 0.0, [pid]
    while family:
        member = family.pop()
        total += spent.get(member, 0.0)
        family += parents.get(member, [])
    return total
