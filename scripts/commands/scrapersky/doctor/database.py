"""One database: its records, its schema and its health. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from scrapersky.database import ROLE_SETTINGS
from scrapersky.migrations import role
from scrapersky.models import Base
from scrapersky.runtime.registry import WORKFLOWS
from scrapersky.status.invariants import find_breaches
from scripts.commands.scrapersky.doctor.finding import Finding, Unchecked, message_of
from scripts.commands.scrapersky.doctor.schema import check_schema

MAX_BREACHES = 20
OLD_SECONDS = 300
"""The age of a transaction that is reported. No statement of the system lasts longer than a minute."""
TIMEOUTS = [name for name in ROLE_SETTINGS if name.endswith("_timeout")]
DEAD_ROWS, DEAD_SHARE = 10_000, 0.2
"""The dead rows of a table that are reported: at least this many, and this share."""

HORIZON = "vacuum cannot remove what it can still see: dead rows, and the claims that read them, grow until it ends"


@dataclass(frozen=True)
class Query:
    """A check by one statement: each row it returns (what, where, repair) is a finding."""

    check: str
    why: str
    sql: str


HEALTH = (
    Query(
        "privileges_differ",
        "functions fail where they lack a privilege; where they have more, a hostile page's exploit could change the schema"
        " or the history",
        # Not where the functions run as the owner, or the role does not exist.
        """
        WITH found AS (
            SELECT name, wanted, ARRAY(
                SELECT one FROM unnest('{DELETE,INSERT,REFERENCES,SELECT,TRIGGER,TRUNCATE,UPDATE}'::text[]) AS one
                WHERE has_table_privilege(pg_roles.oid, pg_class.oid, one)
            ) AS has
            FROM unnest(CAST(:tables AS text[]), CAST(:privileges AS text[])) AS expected (name, wanted)
            JOIN pg_class ON pg_class.oid = to_regclass(name) JOIN pg_roles ON rolname = :role
            WHERE relowner <> pg_roles.oid AND NOT rolsuper
        )
        SELECT format('%s has %s on %s; the migrations grant %s', CAST(:role AS text),
                coalesce(nullif(array_to_string(has, ', '), ''), 'nothing'), name, coalesce(nullif(wanted, ''), 'nothing')),
            'table ' || name, format('REVOKE ALL ON %s FROM %s;', name, CAST(:role AS text))
                || CASE WHEN wanted <> '' THEN format(' GRANT %s ON %s TO %s;', wanted, name, CAST(:role AS text)) ELSE '' END
        FROM found
        -- has is sorted
        WHERE has <> ARRAY(SELECT trim(one) FROM unnest(string_to_array(wanted, ',')) AS one ORDER BY 1)
        ORDER BY name
        """,
    ),
    Query(
        "role_without_timeout",
        "the functions set their own, but another session of this role (psql, a router) may hold locks for ever",
        # What a new session of this role gets: the setting of its role and database, else the server's.
        """
        WITH own AS (
            SELECT split_part(option, '=', 1) AS name, split_part(option, '=', 2) AS value,
                2 * (setrole <> 0)::int + (setdatabase <> 0)::int AS rank
            FROM pg_db_role_setting CROSS JOIN unnest(setconfig) AS option
            WHERE setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = current_user))
              AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
        )
        SELECT format('role %s has no %s', current_user, name), 'role ' || current_user,
            format('ALTER ROLE %s SET %s = %L;', current_user, name, wanted)
        FROM pg_settings JOIN unnest(CAST(:names AS text[]), CAST(:values AS text[])) AS w (name, wanted) USING (name)
        WHERE coalesce((SELECT value FROM own WHERE own.name = pg_settings.name ORDER BY rank DESC LIMIT 1),
            CASE WHEN source <> 'client' THEN reset_val END, '0') IN ('0', '0ms', '0s')
        """,
    ),
    Query(
        "connections_short",
        "a busy stage is refused connections: ticks fail and messages are redelivered; lower a service's MAX_INSTANCES,"
        " or take a larger database",
        """
        SELECT format('the stage may open %s connections at once, and the database allows %s', CAST(:needed AS int), room),
            'max_connections', NULL
        FROM (SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
            - coalesce(current_setting('reserved_connections', true), '0')::int AS room) AS allowed
        WHERE room < CAST(:needed AS int)
        """,
    ),
    Query(
        "old_transaction",
        HORIZON,
        """
        SELECT format('a transaction of %s (%s) has been open for %s s; its session is %s', usename,
                coalesce(nullif(application_name, ''), 'no application name'),
                extract(epoch FROM now() - xact_start)::int, state),
            'backend ' || pid, format('SELECT pg_terminate_backend(%s);', pid)
        FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
          AND xact_start < now() - make_interval(secs => :old)
        ORDER BY xact_start
        """,
    ),
    Query(
        "prepared_transaction",
        HORIZON,
        """
        SELECT format('transaction %s was prepared %s s ago and neither committed nor rolled back', gid,
                extract(epoch FROM now() - prepared)::int),
            'pg_prepared_xacts', format('ROLLBACK PREPARED %L;', gid)
        FROM pg_prepared_xacts
        WHERE database = current_database() AND prepared < now() - make_interval(secs => :old)
        """,
    ),
    Query(
        "idle_replication_slot",
        HORIZON,
        """
        SELECT format('replication slot %s has no reader and is %s transactions old', slot_name,
                greatest(age(xmin), age(catalog_xmin))),
            'pg_replication_slots', format('SELECT pg_drop_replication_slot(%L);', slot_name)
        FROM pg_replication_slots WHERE NOT active AND (xmin IS NOT NULL OR catalog_xmin IS NOT NULL)
        """,
    ),
    Query(
        "dead_rows",
        "autovacuum does not keep up, or something holds it back: claims and counts read the dead rows",
        """
        SELECT format('%s has %s dead rows and %s live ones', relname, n_dead_tup, n_live_tup), 'table ' || relname,
            format('VACUUM (ANALYZE) %s;', relname)
        FROM pg_stat_user_tables
        WHERE schemaname = current_schema() AND relname = ANY(CAST(:tables AS text[])) AND n_dead_tup >= :dead
          AND n_dead_tup >= CAST(:share AS float8) * (n_live_tup + n_dead_tup)
        """,
    ),
)

RELEASE = (
    "UPDATE attempts SET finished_at = now(), outcome = 'released', code = 'doctor'"
    " WHERE workflow = {workflow} AND record_id = %d AND finished_at IS NULL"
)
BREACHES = {
    # breach: (why it matters, what repairs it). Manual SQL may leave Processing exactly when there is no live attempt.
    "processing_without_live_attempt": (
        "no worker has it and recovery will not find it: it is stuck",
        "UPDATE {table} SET {status} = 'Queued' WHERE id = %d AND {status} = 'Processing';",
    ),
    "live_attempt_without_processing": (
        "it counts as in flight for ever, and the record cannot be claimed",
        f"{RELEASE};",
    ),
    "two_live_attempts": (
        "it is worked on, and paid for, twice; only a missing index allows this",
        f"{RELEASE} AND attempt_id < (SELECT max(attempt_id) FROM attempts"
        " WHERE workflow = {workflow} AND record_id = %d AND finished_at IS NULL);",
    ),
    "due_at_not_exactly_when_queued": (
        "it is claimed without being queued, or queued and never claimed",
        "UPDATE {table} SET {due_at} = CASE WHEN {status} = 'Queued' THEN now() END WHERE id = %d;",
    ),
    "error_code_not_exactly_when_error": (
        "its error has no code, or a record without an error has one",
        "UPDATE {table} SET {error_code} = CASE WHEN {status} = 'Error' THEN 'unknown' END WHERE id = %d;",
    ),
}


def check_database(
    engine: Engine, stage: str | None = None, *, owner: Engine | None = None, needed: int = 0, **limits: float
) -> Iterator[Finding | Unchecked]:
    """Yield everything wrong with the database. Raises :class:`~sqlalchemy.exc.DBAPIError` if it is out of reach.

    ``owner`` connects as the owner of the schema, where ``engine`` may not compare it with what the migrations make.
    ``needed`` is the number of connections that the stage may open at once; ``limits`` are those of :func:`check_health`.
    """
    engine.connect().close()
    schema = list(check_schema(owner or engine, stage))
    if not any(isinstance(one, Finding) and one.check == "never_migrated" for one in schema):
        # Records first: a missing unique index can be made only when what it forbids is repaired.
        yield from _read_only(engine, "the records and their attempts", check_records)
    yield from schema
    for query in HEALTH:
        yield from _read_only(
            engine, f"the check {query.check}", lambda c, q=query: check_health(c, q, needed=needed, **limits)
        )


def check_records(connection: Connection) -> Iterator[Finding]:
    """Yield each broken invariant. Reads the watched tables whole."""
    for workflow in WORKFLOWS.values():
        for breach in find_breaches(connection, workflow, limit=MAX_BREACHES):
            why, repair = BREACHES[breach.breach]
            yield Finding(
                check="invariant_broken",
                what=f"{workflow.name} {breach.record_id}: {breach.breach.replace('_', ' ')}",
                where=f"table {workflow.table}, id {breach.record_id}",
                why=f"{why}. scripts/scrapersky explain {workflow.name} {breach.record_id} shows its history",
                repair=(workflow.sql(repair).replace("%d", str(breach.record_id)),),
            )


def check_health(
    connection: Connection,
    query: Query,
    *,
    needed: int = 0,
    old: float = OLD_SECONDS,
    dead: float = DEAD_ROWS,
    share: float = DEAD_SHARE,
) -> Iterator[Finding]:
    """Yield the findings of one health check."""
    granted = role.privileges_on(list(Base.metadata.tables))
    values: Mapping[str, Any] = {
        "names": TIMEOUTS,
        "values": [ROLE_SETTINGS[name] for name in TIMEOUTS],
        "tables": list(granted),
        "privileges": list(granted.values()),
        "role": role.ROLE,
        **{"needed": needed, "old": old, "dead": dead, "share": share},
    }
    for what, where, repair in connection.execute(text(query.sql), values):
        yield Finding(check=query.check, what=what, where=where, why=query.why, repair=(repair,) if repair else ())


def _read_only(engine: Engine, what: str, check: Any) -> Iterator[Finding | Unchecked]:
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            yield from list(check(connection))
    except DBAPIError as error:
        yield Unchecked(what, f"the database refused the query: {message_of(error)}")
