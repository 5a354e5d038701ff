"""The database's health: timeouts of the role, what holds vacuum back, dead rows."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

from scrapersky.models import Base
from scripts.commands.run.databases import ROLE_TIMEOUTS
from scripts.commands.scrapersky.doctor.finding import Finding

OLD_SECONDS = 300
"""Age from which a transaction is told of: no statement of ours lasts longer than a minute."""
DEAD_SHARE = 0.2
DEAD_AT_LEAST = 10_000
"""Dead rows that are told of: this share of the table, and this many."""

# What somebody else who logs in as this role gets: our functions ask for their own at every start of a session.
TIMEOUTS = text("""
WITH said AS (
    SELECT split_part(option, '=', 1) AS name, split_part(option, '=', 2) AS value,
        2 * (setrole <> 0)::int + (setdatabase <> 0)::int AS rank
    FROM pg_db_role_setting CROSS JOIN unnest(setconfig) AS option
    WHERE setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = current_user))
      AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
)
SELECT name, current_user, coalesce(
    (SELECT value FROM said WHERE said.name = pg_settings.name ORDER BY rank DESC LIMIT 1),
    CASE WHEN source <> 'client' THEN reset_val END, '0') AS value
FROM pg_settings WHERE name = ANY(:names)
""")

OLD_TRANSACTIONS = text("""
SELECT pid, coalesce(usename, '') AS role, coalesce(application_name, '') AS application, coalesce(state, '') AS state,
    extract(epoch FROM now() - xact_start)::int AS seconds
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
  AND xact_start < now() - make_interval(secs => :seconds)
ORDER BY xact_start
""")

PREPARED = text("""
SELECT gid, extract(epoch FROM now() - prepared)::int AS seconds FROM pg_prepared_xacts
WHERE database = current_database() AND prepared < now() - make_interval(secs => :seconds)
""")

IDLE_SLOTS = text("""
SELECT slot_name, greatest(age(xmin), age(catalog_xmin)) AS age FROM pg_replication_slots
WHERE NOT active AND (xmin IS NOT NULL OR catalog_xmin IS NOT NULL)
""")

DEAD = text("""
SELECT relname AS table, n_live_tup AS live, n_dead_tup AS dead FROM pg_stat_user_tables
WHERE schemaname = current_schema() AND relname = ANY(:tables)
  AND n_dead_tup >= :at_least AND n_dead_tup >= CAST(:share AS float8) * (n_live_tup + n_dead_tup)
""")

ROOM = text("""
SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
     - coalesce(current_setting('reserved_connections', true), '0')::int
""")

HORIZON = "vacuum may not remove what it can still see: dead rows and claims that read them grow until it ends"


def check_timeouts(connection: Connection) -> Iterator[Finding]:
    """The role's own timeouts."""
    rows = connection.execute(TIMEOUTS, {"names": list(ROLE_TIMEOUTS)}).all()
    without = sorted(name for name, _, value in rows if value in {"0", "0ms", "0s"})
    if without:
        role = rows[0][1]
        yield Finding(
            check="role_without_timeout",
            what=f"role {role} has no {', '.join(without)}",
            where=f"role {role}",
            why="the functions set their own, but whoever else logs in so (a router, psql) may hold locks and vacuum for ever",
            mend=tuple(f"ALTER ROLE {role} SET {name} = '{ROLE_TIMEOUTS[name]}';" for name in without),
        )


def check_horizon(connection: Connection, old_seconds: float = OLD_SECONDS) -> Iterator[Finding]:
    """What keeps vacuum from its work: old transactions, prepared ones, abandoned replication slots."""
    asked = {"seconds": old_seconds}
    for pid, role, application, state, seconds in connection.execute(OLD_TRANSACTIONS, asked):
        yield Finding(
            check="old_transaction",
            what=f"a transaction of {role} ({application or 'no application name'}) is open for {seconds} s, now {state}",
            where=f"backend {pid}",
            why=HORIZON,
            mend=(f"SELECT pg_terminate_backend({pid});",),
        )
    for gid, seconds in connection.execute(PREPARED, asked):
        yield Finding(
            check="prepared_transaction",
            what=f"the transaction {gid!r} was prepared {seconds} s ago and neither committed nor rolled back",
            where="pg_prepared_xacts",
            why=HORIZON,
            mend=(f"ROLLBACK PREPARED '{gid}';",),
        )
    for slot, age in connection.execute(IDLE_SLOTS):
        yield Finding(
            check="idle_replication_slot",
            what=f"nobody reads the replication slot {slot}, which is {age} transactions old",
            where="pg_replication_slots",
            why=HORIZON,
            mend=(f"SELECT pg_drop_replication_slot('{slot}');",),
        )


def check_room(connection: Connection, needed: int) -> Iterator[Finding]:
    """Whether the stage's functions, all busy at once, find a connection each: ``needed`` of them."""
    room = connection.execute(ROOM).scalar_one()
    if room < needed:
        yield Finding(
            check="connections_short",
            what=f"the stage may open {needed} connections at once, and the database lets in {room}",
            where="max_connections",
            why="a busy stage is refused at the door: ticks fail and messages come again and again; lower a service's"
            " MAX_INSTANCES, or take a larger database",
        )


def check_dead_rows(
    connection: Connection, at_least: int = DEAD_AT_LEAST, share: float = DEAD_SHARE
) -> Iterator[Finding]:
    """Tables that vacuum has not come to for long."""
    values = {"tables": list(Base.metadata.tables), "at_least": at_least, "share": share}
    for table, live, dead in connection.execute(DEAD, values):
        yield Finding(
            check="dead_rows",
            what=f"{table} has {dead:,} dead rows beside {live:,} live ones",
            where=f"table {table}",
            why="autovacuum does not keep up, or something holds it back: claims and counts read what is dead",
            mend=(f"VACUUM (ANALYZE) {table};",),
        )
