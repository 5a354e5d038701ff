"""Half a million domains and sitemap files, 100,000 of each queued, in one database per state of the statistics."""

from collections.abc import Mapping

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from scripts.commands.run.postgres import Postgres
from tests.conftest import TEMPLATE

ROWS = 500_000
QUEUED = 100_000
CODES = 101
ERRORS = ROWS // 7
LIVE = 400
"""Live attempts per workflow; the lease of a quarter has expired."""
NEWEST = 10_000_000
"""The live attempts of metadata follow this id, after all of history: record n has the attempt NEWEST + n."""
TENANTS = 51
"""``big`` has nine tenths of the records; the others share the rest."""

NEVER, BEFORE, NOW = "never analysed", "analysed before the burst", "analysed now"

QUIET = (
    "DROP INDEX IF EXISTS ix_domains_search",  # costs more than all the rest, and no verb uses it
    # Processing, Error and Completed; nothing is queued yet.
    f"""
    INSERT INTO domains (domain, tenant, title, description, last_scan, status, error_code)
    SELECT 'd' || n || '.test', CASE WHEN n % 9 > 0 THEN 'big' ELSE 'small' || n / 9 % 50 END, 'title ' || n,
        repeat('x', 150), now() - make_interval(mins => n),
        (CASE WHEN n <= {LIVE} THEN 'Processing' WHEN n % 7 = 0 THEN 'Error' ELSE 'Completed' END)::work_status,
        CASE WHEN n > {LIVE} AND n % 7 = 0 THEN 'http_' || 400 + n % 100 END
    FROM generate_series(1, {ROWS}) AS n
    """,
    # A tenth of all sitemap files are on one host.
    f"""
    INSERT INTO sitemap_files (domain_id, tenant, url, discovery_method, sitemap_import_status, sitemap_import_error_code)
    SELECT CASE WHEN n % 10 = 0 THEN 1 ELSE 2 + n % 20000 END, CASE WHEN n % 9 > 0 THEN 'big' ELSE 'small' || n / 9 % 50 END,
        'https://d.test/' || repeat('x', 60) || n, 'manual',
        (CASE WHEN n <= {LIVE} THEN 'Processing' WHEN n % 7 = 0 THEN 'Error' ELSE 'Completed' END)::work_status,
        CASE WHEN n > {LIVE} AND n % 7 = 0 THEN 'http_' || 400 + n % 100 END
    FROM generate_series(1, {ROWS}) AS n
    """,
    f"""
    INSERT INTO status_events (workflow, record_id, to_status, actor)
    SELECT 'metadata', n, 'Error', 'test' FROM generate_series(7, {ROWS}, 7) AS n
    """,
    f"""
    INSERT INTO attempts (attempt_id, workflow, record_id, trigger, started_at, lease_until)
    SELECT first + n, workflow, n, 'schedule', CASE WHEN n % 2 = 0 THEN now() END,
        now() + CASE WHEN n % 4 = 0 THEN interval '-1 h' ELSE interval '1 h' END
    FROM generate_series(1, {LIVE}) AS n, (VALUES ('metadata', {NEWEST}), ('import', 2 * {NEWEST})) AS w (workflow, first)
    """,
)

BURST = (
    "INSERT INTO service_controls (workflow, last_tick_at) VALUES ('metadata', now())",
    f"""
    INSERT INTO attempts (attempt_id, workflow, record_id, trigger, started_at, lease_until, finished_at, outcome, code)
    SELECT first + n, workflow, n, 'schedule', now(), now(), now(), 'done', 'read'
    FROM generate_series(1, {ROWS}) AS n, (VALUES ('metadata', 0), ('import', {ROWS})) AS w (workflow, first)
    """,
    f"""
    UPDATE domains SET status = 'Queued', due_at = now() - make_interval(secs => id * 7919 % 100000), error_code = NULL
    WHERE id % {ROWS // QUEUED} = 1 AND id > {LIVE}
    """,
    f"""
    UPDATE sitemap_files SET sitemap_import_status = 'Queued', sitemap_import_error_code = NULL,
        sitemap_import_due_at = now() - make_interval(secs => id * 7919 % 100000)
    WHERE id % {ROWS // QUEUED} = 0 AND id > {LIVE}
    """,
)


SIZES = """
    CREATE TABLE unanalysed AS
    SELECT oid, relpages, reltuples, relallvisible FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""
FORGET = (
    "DELETE FROM pg_statistic WHERE starelid IN (SELECT oid FROM unanalysed)",
    """
    UPDATE pg_class SET relpages = u.relpages, reltuples = u.reltuples, relallvisible = u.relallvisible
    FROM unanalysed AS u WHERE pg_class.oid = u.oid
    """,
)
"""Returns the statistics to those of tables that were never analysed."""


def build(postgres: Postgres) -> Mapping[str, str]:
    """Return the URL of a database for each state of the statistics. Takes half a minute."""
    names = {NEVER: "large_never", BEFORE: "large_before", NOW: "large_now"}
    urls = {BEFORE: postgres.create_database(names[BEFORE], template=TEMPLATE)}
    fill(urls[BEFORE], SIZES, *QUIET, "ANALYZE", *BURST)
    for state, statements in ((NEVER, FORGET), (NOW, ("ANALYZE",))):
        urls[state] = postgres.create_database(names[state], template=names[BEFORE])
        fill(urls[state], *statements)
    return urls


def fill(url: str, *statements: str) -> None:
    """Run ``statements`` without triggers and autovacuum, for speed."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("domains", "sitemap_files", "attempts"):
            connection.execute(text(f"ALTER TABLE {table} SET (autovacuum_enabled = off)"))
        connection.execute(text("SET session_replication_role = replica"))
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
