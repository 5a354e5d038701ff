"""``scrapersky doctor`` on databases that are each broken in one way: it finds that, and its repair works."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from scrapersky import migrations
from scripts.commands.run import postgres as launcher
from scripts.commands.run.postgres import Postgres
from scripts.commands.scrapersky.app import main
from scripts.commands.scrapersky.doctor.database import HEALTH, check_database, check_health
from scripts.commands.scrapersky.doctor.finding import Finding, Unchecked
from tests.conftest import numbers
from tests.integration.next_migration import NEXT_GUARD, add_migration

TIMEOUTS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
NO_GUARD = "ALTER TABLE domains DISABLE TRIGGER guard_metadata_status, DISABLE TRIGGER audit_metadata_status"
GUARD = "ALTER TABLE domains ENABLE TRIGGER guard_metadata_status, ENABLE TRIGGER audit_metadata_status"
QUEUED = "INSERT INTO domains (domain, status) VALUES ('a.test', 'Queued')"
HOLD = "INSERT INTO attempts (workflow, record_id, trigger, lease_until) VALUES ('metadata', 1, 'hand', now() + '1 h')"
HOLD_UNGUARDED = HOLD.replace("(workflow", "(attempt_id, workflow").replace("('metadata'", "(1, 'metadata'")

BROKEN = {
    # how: (the checks that find it, the statements that break it)
    "an index was dropped": (["index_missing"], ["DROP INDEX ix_domains_due"]),
    "an index has other columns": (
        ["index_differs"],
        [
            "DROP INDEX ix_domains_due",
            "CREATE INDEX ix_domains_due ON domains (due_at, id) WHERE due_at IS NOT NULL",
        ],
    ),
    "an index has another predicate": (
        ["index_differs"],
        [
            "DROP INDEX ix_domains_due",
            "CREATE INDEX ix_domains_due ON domains (tenant, due_at, id) WHERE status = 'Queued'",
        ],
    ),
    "an index is invalid": (
        ["index_differs"],
        ["UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_domains_due'::regclass"],
    ),
    "the status was indexed": (["index_unknown"], ["CREATE INDEX by_status ON domains (status)"]),
    "one record has two live attempts": (
        ["invariant_broken", "index_missing"],
        [
            "DROP INDEX uq_attempts_one_live",
            QUEUED,
            NO_GUARD,
            "UPDATE domains SET status = 'Processing', due_at = NULL",
            GUARD,
            HOLD,
            HOLD,
        ],
    ),
    "a trigger was added": (
        ["trigger_unknown"],
        [
            "CREATE TRIGGER shadow BEFORE UPDATE ON domains FOR EACH ROW EXECUTE FUNCTION guard_metadata_status()",
        ],
    ),
    "a guard's trigger was dropped": (["trigger_missing"], ["DROP TRIGGER guard_import_status ON sitemap_files"]),
    "the guard of attempts was dropped": (
        ["trigger_missing"],
        ["DROP TRIGGER settle_import_attempt ON pending_attempt_checks"],
    ),
    "an audit trigger was dropped": (["trigger_missing"], ["DROP TRIGGER audit_metadata_status_created ON domains"]),
    "history may be rewritten": (
        ["trigger_differs"],
        ["ALTER TABLE status_events DISABLE TRIGGER status_events_append_only"],
    ),
    "a guard is disabled": (["trigger_differs"], [NO_GUARD]),
    "the guard watches fewer columns": (
        ["trigger_differs"],
        [
            "DROP TRIGGER guard_metadata_status ON domains",
            "CREATE TRIGGER guard_metadata_status BEFORE UPDATE OF status ON domains FOR EACH ROW"
            " EXECUTE FUNCTION guard_metadata_status()",
        ],
    ),
    "a guard's function was replaced": (
        ["function_differs"],
        [
            "CREATE OR REPLACE FUNCTION guard_metadata_status() RETURNS trigger LANGUAGE plpgsql"
            " AS 'BEGIN RETURN NEW; END'"
        ],
    ),
    "a function lost its setting": (
        ["function_differs"],
        ["ALTER FUNCTION audit_metadata_status() RESET enable_seqscan"],
    ),
    "a guard's function was dropped": (
        ["function_missing", "trigger_missing"],
        ["DROP FUNCTION guard_deep_scan_status() CASCADE"],
    ),
    "Completed may go to Processing": (
        ["function_differs"],
        [
            "CREATE OR REPLACE FUNCTION next_statuses(status work_status) RETURNS work_status[] LANGUAGE sql IMMUTABLE"
            " PARALLEL SAFE AS $$ SELECT CASE WHEN status IS NULL THEN ARRAY['New', 'Queued'] WHEN status = 'Queued' THEN"
            " ARRAY['New', 'Processing'] WHEN status = 'Processing' THEN ARRAY['Queued', 'Completed', 'Error']"
            " WHEN status = 'Completed' THEN ARRAY['Queued', 'Processing'] ELSE ARRAY['Queued'] END::work_status[] $$"
        ],
    ),
    "a column was dropped": (["column_missing"], ["ALTER TABLE domains DROP COLUMN language"]),
    "a column with a default was dropped": (["column_missing"], ["ALTER TABLE pages DROP COLUMN image_count"]),
    "a column has another type": (["column_differs"], ["ALTER TABLE domains ALTER COLUMN language TYPE varchar(10)"]),
    "a column may be null": (["column_differs"], ["ALTER TABLE pages ALTER COLUMN url DROP NOT NULL"]),
    "a column lost its default": (["column_differs"], ["ALTER TABLE domains ALTER COLUMN tenant DROP DEFAULT"]),
    "a check was dropped": (
        ["constraint_missing"],
        ["ALTER TABLE domains DROP CONSTRAINT ck_domains_due_at_exactly_when_queued"],
    ),
    "a key was dropped": (
        ["constraint_missing"],
        ["ALTER TABLE domains DROP CONSTRAINT uq_domains_domain"],
    ),
    "a check has another condition": (
        ["constraint_differs"],
        [
            "ALTER TABLE domains DROP CONSTRAINT ck_domains_error_is_short",
            "ALTER TABLE domains ADD CONSTRAINT ck_domains_error_is_short CHECK (length(error) <= 9)",
        ],
    ),
    "a check was not validated": (
        ["constraint_differs"],
        [
            "ALTER TABLE domains DROP CONSTRAINT ck_domains_error_is_short",
            "ALTER TABLE domains ADD CONSTRAINT ck_domains_error_is_short CHECK (length(error) <= 1024) NOT VALID",
        ],
    ),
    "a fill factor was reset": (["storage_differs"], ["ALTER TABLE attempts RESET (fillfactor)"]),
    "autovacuum is off": (["storage_differs"], ["ALTER TABLE domains SET (autovacuum_enabled = off)"]),
    "a record is Processing without a live attempt": (
        ["invariant_broken"],
        [QUEUED, NO_GUARD, "UPDATE domains SET status = 'Processing', due_at = NULL", GUARD],
    ),
    "a live attempt's record is not Processing": (
        ["invariant_broken"],
        [QUEUED, "SET session_replication_role = replica", HOLD_UNGUARDED, "RESET session_replication_role"],
    ),
    "a record is due and not Queued": (
        ["invariant_broken", "constraint_missing"],
        [
            "ALTER TABLE domains DROP CONSTRAINT ck_domains_due_at_exactly_when_queued",
            "INSERT INTO domains (domain) VALUES ('a.test')",
            NO_GUARD,
            "UPDATE domains SET due_at = now()",
            GUARD,
        ],
    ),
    "a record without an error has an error code": (
        ["invariant_broken", "constraint_missing"],
        [
            "ALTER TABLE domains DROP CONSTRAINT ck_domains_error_code_exactly_when_error",
            "INSERT INTO domains (domain) VALUES ('a.test')",
            NO_GUARD,
            "UPDATE domains SET error_code = 'x'",
            GUARD,
        ],
    ),
    "the role has no lock timeout": (
        ["role_without_timeout"],
        ["ALTER ROLE CURRENT_USER IN DATABASE {database} SET lock_timeout = 0"],
    ),
}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine that keeps its connections, for the doctor asks for many."""
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def healthy(connection: Connection) -> Connection:
    """A database as it should be; the fixtures' role has no timeouts of its own, so this database has."""
    database = connection.engine.url.database
    for name in TIMEOUTS:
        connection.execute(text(f"ALTER ROLE CURRENT_USER IN DATABASE {database} SET {name} = '60s'"))
    return connection


def findings(engine: Engine) -> list[Finding]:
    """Return the doctor's findings; it could check everything."""
    results = list(check_database(engine))
    assert [one for one in results if isinstance(one, Unchecked)] == []
    return [one for one in results if isinstance(one, Finding)]


@pytest.mark.usefixtures("healthy")
def test_a_healthy_database_has_no_findings(engine: Engine) -> None:
    assert findings(engine) == []


@pytest.mark.parametrize("how", BROKEN)
def test_a_defect_is_found_and_the_repair_removes_it(engine: Engine, healthy: Connection, how: str) -> None:
    checks, statements = BROKEN[how]
    for statement in statements:
        healthy.exec_driver_sql(statement.format(database=healthy.engine.url.database))
    found = findings(engine)
    assert sorted({one.check for one in found}) == sorted(checks)
    assert all(one.what and one.where and one.why for one in found)
    for one in found:
        for statement in one.repair:
            # The role is the whole server's, and not this test's to change.
            here = f"CURRENT_USER IN DATABASE {healthy.engine.url.database}"
            healthy.exec_driver_sql(statement.replace("ALTER ROLE scrapersky", f"ALTER ROLE {here}"))
    assert findings(engine) == []


def test_an_unknown_column_is_left_to_a_person(engine: Engine, healthy: Connection) -> None:
    healthy.exec_driver_sql("ALTER TABLE domains ADD COLUMN colour text")
    (one,) = findings(engine)
    assert (one.check, one.repair) == ("column_unknown", ())


def test_a_missing_table_is_left_to_a_person(engine: Engine, healthy: Connection) -> None:
    healthy.exec_driver_sql("DROP TABLE host_leases")
    (one,) = findings(engine)
    assert (one.check, one.repair) == ("table_missing", ())


def test_tables_and_functions_of_other_programs_are_no_findings(engine: Engine, healthy: Connection) -> None:
    healthy.exec_driver_sql("CREATE TABLE users (id bigint CHECK (id > 0))")
    healthy.exec_driver_sql("CREATE INDEX ON users (id)")
    healthy.exec_driver_sql("CREATE FUNCTION theirs() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    assert findings(engine) == []


@pytest.mark.parametrize(
    "change", ["ADD VALUE 'Pending' BEFORE 'Queued'", "RENAME VALUE 'Archived' TO 'Gone'"], ids=["one more", "renamed"]
)
def test_a_vocabulary_that_differs_is_found_with_both_lists(engine: Engine, healthy: Connection, change: str) -> None:
    name = "work_status" if "Pending" in change else "curation_status"
    healthy.exec_driver_sql(f"ALTER TYPE {name} {change}")
    (one,) = findings(engine)
    assert (one.check, one.repair) == ("enum_differs", ())
    assert ("New, Pending, Queued" if "Pending" in change else "Not a Fit, Gone") in one.what


def test_a_missing_word_hides_only_the_checks_that_need_it(engine: Engine, healthy: Connection) -> None:
    healthy.exec_driver_sql("ALTER TYPE work_status RENAME VALUE 'Queued' TO 'Pending'")
    healthy.exec_driver_sql("ALTER TYPE curation_status RENAME VALUE 'New' TO 'Fresh'")
    results = list(check_database(engine))
    assert [one.what for one in results if isinstance(one, Unchecked)] == [
        "the records and their attempts",
        "tables and columns",
    ]
    assert "enum_differs" in [one.check for one in results if isinstance(one, Finding)]


def test_a_schema_behind_the_code_is_compared_with_its_own_revision(
    engine: Engine, healthy: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_migration(NEXT_GUARD.format(head="0001"), tmp_path, monkeypatch)

    def found() -> list[Finding]:  # a check that needs a newer column is reported as not done
        return [one for one in check_database(engine) if isinstance(one, Finding)]

    (one,) = found()
    assert (one.check, one.how) == ("schema_behind", "shell")
    healthy.exec_driver_sql("DROP INDEX ix_domains_due")
    assert [one.check for one in found()] == ["schema_behind", "index_missing"]
    with engine.begin() as connection:
        migrations.upgrade(connection)
    assert [one.check for one in findings(engine)] == ["index_missing"]


def test_a_schema_ahead_of_the_code_is_reported(engine: Engine, healthy: Connection) -> None:
    healthy.exec_driver_sql("UPDATE alembic_version SET version_num = 'of-tomorrow'")
    results = list(check_database(engine))
    assert [getattr(one, "check", "unchecked") for one in results] == ["schema_ahead", "unchecked"]


def test_an_empty_database_was_never_migrated(postgres: Postgres) -> None:
    engine = create_engine(postgres.create_database(f"empty_{next(numbers)}"), poolclass=NullPool)
    assert findings(engine)[0].check == "never_migrated"


def test_an_old_transaction_is_found_and_its_end_repairs_it(engine: Engine, healthy: Connection) -> None:
    with engine.connect() as forgotten:
        forgotten.execute(text("SELECT count(*) FROM domains"))
        found = [one for one in check_database(engine, old=0) if isinstance(one, Finding)]
        assert [one.check for one in found] == ["old_transaction"]
        assert "idle in transaction" in found[0].what
        healthy.exec_driver_sql(found[0].repair[0])
        forgotten.invalidate()
    assert list(check_database(engine, old=0)) == []


@pytest.fixture(scope="module")
def with_slots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database on a server that allows prepared transactions and replication slots."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(launcher.SETTINGS, "max_prepared_transactions", "2")
        patch.setitem(launcher.SETTINGS, "wal_level", "logical")
        with Postgres.start(tmp_path_factory.mktemp("slots")) as server:
            engine = create_engine(server.create_database("slots"), poolclass=NullPool)
            with engine.begin() as connection:
                migrations.upgrade(connection)
            yield engine


@pytest.mark.parametrize(
    ("check", "statements"),
    [
        ("prepared_transaction", ["BEGIN", "DELETE FROM domains", "PREPARE TRANSACTION 'forgotten'"]),
        ("idle_replication_slot", ["SELECT pg_create_logical_replication_slot('abandoned', 'pgoutput')"]),
    ],
)
def test_what_else_holds_vacuum_back_is_found(with_slots: Engine, check: str, statements: list[str]) -> None:
    with with_slots.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        found = [one for one in check_database(with_slots, old=0) if isinstance(one, Finding)]
        (one,) = (one for one in found if one.check == check)
        connection.exec_driver_sql(one.repair[0])
        assert check not in {getattr(one, "check", "") for one in check_database(with_slots, old=0)}


def test_dead_rows_are_found_and_vacuum_removes_them(engine: Engine, healthy: Connection) -> None:
    (query,) = (query for query in HEALTH if query.check == "dead_rows")
    healthy.exec_driver_sql("ALTER TABLE domains SET (autovacuum_enabled = off)")
    healthy.exec_driver_sql("INSERT INTO domains (domain) SELECT n || '.test' FROM generate_series(1, 100) AS n")
    healthy.exec_driver_sql("DELETE FROM domains WHERE id > 50")
    healthy.exec_driver_sql("SELECT pg_stat_force_next_flush()")
    with engine.connect() as connection:
        (one,) = check_health(connection, query, dead=50)
        assert one.what.startswith("domains has 50 dead rows")
    healthy.exec_driver_sql(one.repair[0])
    with engine.connect() as connection:
        assert list(check_health(connection, query, dead=50)) == []


def test_privileges_that_differ_from_the_migrations_are_found_and_repaired(engine: Engine, healthy: Connection) -> None:
    (query,) = (query for query in HEALTH if query.check == "privileges_differ")
    healthy.exec_driver_sql("GRANT TRIGGER ON domains TO scrapersky_app; REVOKE INSERT ON attempts FROM scrapersky_app")
    with engine.connect() as connection:
        found = list(check_health(connection, query))
    assert [one.what for one in found] == [
        "scrapersky_app has SELECT, UPDATE on attempts; the migrations grant SELECT, INSERT, UPDATE",
        "scrapersky_app has DELETE, INSERT, SELECT, TRIGGER, UPDATE on domains;"
        " the migrations grant SELECT, INSERT, UPDATE, DELETE",
    ]
    for one in found:
        healthy.exec_driver_sql(one.repair[0])
    with engine.connect() as connection:
        assert list(check_health(connection, query)) == []


def test_too_few_connections_for_the_stage_are_found(connection: Connection) -> None:
    (query,) = (query for query in HEALTH if query.check == "connections_short")
    assert [one.check for one in check_health(connection, query, needed=10_000)] == ["connections_short"]
    assert list(check_health(connection, query, needed=50)) == []


def test_a_role_that_may_not_create_a_schema_gets_a_list_of_what_was_not_checked(
    engine: Engine, healthy: Connection
) -> None:
    name = f"reader_{next(numbers)}"
    healthy.exec_driver_sql(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
    healthy.exec_driver_sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
    healthy.exec_driver_sql("ALTER TABLE domains DROP COLUMN language")
    results = list(check_database(create_engine(engine.url.set(username=name, password="x"), poolclass=NullPool)))
    assert [one.what for one in results if isinstance(one, Unchecked)] == [
        "functions, triggers, constraints, indexes and storage"
    ]
    assert {one.check for one in results if isinstance(one, Finding)} == {"column_missing", "role_without_timeout"}


def test_the_report_numbers_findings_and_ends_with_1(
    healthy: Connection, database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SCRAPERSKY_STAGE", raising=False)
    healthy.exec_driver_sql("DROP INDEX ix_domains_due")
    assert main(["doctor", "--database-url", database_url]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1. index_missing: there is no index ix_domains_due of domains"
    assert next(line for line in lines if line.startswith("   psql")) == (
        "   psql    CREATE INDEX CONCURRENTLY ix_domains_due ON domains USING btree (tenant, due_at, id)"
        " WHERE due_at IS NOT NULL;"
    )
    assert lines[-1] == "1 finding: the database."
    assert main(["doctor", "--database-url", database_url, "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["check"], finding["how"]) == ("index_missing", "sql")


@pytest.mark.usefixtures("healthy")
def test_a_database_without_findings_ends_with_0(
    database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SCRAPERSKY_STAGE", raising=False)
    assert main(["doctor", "--database-url", database_url]) == 0
    assert capsys.readouterr().out == "No findings: the database.\n"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql+pg8000://ada:secret@127.0.0.1:1/none", "could not connect to 127.0.0.1 port 1: "),
        ("ada:secret@host", "DATABASE_URL='ada:***@host': the database URL is not valid: write postgresql://"),
        ("postgresql://ada:secret@no.such.host.invalid/x", "could not connect to no.such.host.invalid port 5432: "),
    ],
)
def test_a_database_out_of_reach_is_one_line_without_its_password(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, url: str, message: str
) -> None:
    monkeypatch.delenv("SCRAPERSKY_STAGE", raising=False)
    monkeypatch.setenv("DATABASE_URL", url)
    assert main(["doctor"]) == 2
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("Not checked: the database: DATABASE_URL")
    assert message in first
    assert "secret" not in first
    assert last == "No findings, but not everything could be checked: the database."
