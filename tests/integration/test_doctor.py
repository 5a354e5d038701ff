"""The doctor on real databases, each broken in one way: it finds that, and what it says mends it does."""

import json
from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from scrapersky import migrations
from scripts.commands.run import postgres as launcher
from scripts.commands.run.postgres import Postgres
from scripts.commands.scrapersky.doctor.__main__ import main
from scripts.commands.scrapersky.doctor.examination import examine
from scripts.commands.scrapersky.doctor.finding import Finding, Unchecked
from scripts.commands.scrapersky.doctor.health import check_dead_rows, check_room
from tests.conftest import numbers

TIMEOUTS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
NO_GUARD = "ALTER TABLE domains DISABLE TRIGGER guard_metadata_status, DISABLE TRIGGER audit_metadata_status"
GUARD = "ALTER TABLE domains ENABLE TRIGGER guard_metadata_status, ENABLE TRIGGER audit_metadata_status"
QUEUED = "INSERT INTO domains (domain, status) VALUES ('a.test', 'Queued')"
HOLD = "INSERT INTO attempts (workflow, record_id, trigger, lease_until) VALUES ('metadata', 1, 'hand', now() + '1 h')"

BROKEN = {
    # how: (the checks that find it, the statements that break it)
    "an index was dropped": (["index_missing"], ["DROP INDEX ix_domains_due"]),
    "an index is of other columns": (
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
    "an index's making was interrupted": (
        ["index_invalid"],
        ["UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_domains_due'::regclass"],
    ),
    "the index of a key is invalid": (
        ["index_invalid"],
        ["UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'uq_domains_domain'::regclass"],
    ),
    "somebody indexed the status": (["index_unknown"], ["CREATE INDEX by_status ON domains (status)"]),
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
    "the guard was taken off": (["trigger_missing"], ["DROP TRIGGER guard_import_status ON sitemap_files"]),
    "the guard of attempts was taken off": (
        ["trigger_missing"],
        ["DROP TRIGGER settle_import ON unsettled"],
    ),
    "the audit was taken off": (["trigger_missing"], ["DROP TRIGGER audit_metadata_status_created ON domains"]),
    "history may be rewritten": (
        ["trigger_disabled"],
        ["ALTER TABLE status_events DISABLE TRIGGER status_events_append_only"],
    ),
    "the guard sleeps": (["trigger_disabled"], [NO_GUARD]),
    "the guard watches fewer columns": (
        ["trigger_differs"],
        [
            "DROP TRIGGER guard_metadata_status ON domains",
            "CREATE TRIGGER guard_metadata_status BEFORE UPDATE OF status ON domains FOR EACH ROW"
            " EXECUTE FUNCTION guard_metadata_status()",
        ],
    ),
    "the guard lets everything pass": (
        ["function_differs"],
        [
            "CREATE OR REPLACE FUNCTION guard_metadata_status() RETURNS trigger LANGUAGE plpgsql"
            " AS 'BEGIN RETURN NEW; END'"
        ],
    ),
    "the guard plans anew without its setting": (
        ["function_differs"],
        ["ALTER FUNCTION audit_metadata_status() RESET enable_seqscan"],
    ),
    "a guard is gone altogether": (
        ["function_missing", "trigger_missing"],
        ["DROP FUNCTION guard_deep_scan_status() CASCADE"],
    ),
    "Completed may go to Processing": (
        ["transitions_differ", "function_differs"],
        [
            "CREATE OR REPLACE FUNCTION next_statuses(status work_status) RETURNS work_status[] LANGUAGE sql IMMUTABLE"
            " PARALLEL SAFE AS $$ SELECT CASE WHEN status IS NULL THEN ARRAY['New', 'Queued'] WHEN status = 'Queued' THEN"
            " ARRAY['New', 'Processing'] WHEN status = 'Processing' THEN ARRAY['Queued', 'Completed', 'Error']"
            " WHEN status = 'Completed' THEN ARRAY['Queued', 'Processing'] ELSE ARRAY['Queued'] END::work_status[] $$"
        ],
    ),
    "a word of a vocabulary was renamed": (
        ["enum_differs", "column_differs"],
        ["ALTER TYPE curation_status RENAME VALUE 'New' TO 'Fresh'"],
    ),
    "a column was dropped": (["column_missing"], ["ALTER TABLE domains DROP COLUMN title"]),
    "a column with a default was dropped": (["column_missing"], ["ALTER TABLE pages DROP COLUMN image_count"]),
    "a column has another type": (["column_differs"], ["ALTER TABLE domains ALTER COLUMN title TYPE varchar(10)"]),
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
    "a check says something else": (
        ["constraint_differs"],
        [
            "ALTER TABLE domains DROP CONSTRAINT ck_domains_error_is_short",
            "ALTER TABLE domains ADD CONSTRAINT ck_domains_error_is_short CHECK (length(error) <= 9)",
        ],
    ),
    "a check was never made good": (
        ["constraint_not_validated"],
        [
            "ALTER TABLE domains DROP CONSTRAINT ck_domains_error_is_short",
            "ALTER TABLE domains ADD CONSTRAINT ck_domains_error_is_short CHECK (length(error) <= 1024) NOT VALID",
        ],
    ),
    "pages are filled to the brim": (["storage_differs"], ["ALTER TABLE attempts RESET (fillfactor)"]),
    "autovacuum is off": (["storage_differs"], ["ALTER TABLE domains SET (autovacuum_enabled = off)"]),
    "the planner counts what is due": (
        ["statistics_differ"],
        ["ALTER TABLE domains ALTER COLUMN due_at SET STATISTICS -1", QUEUED, "ANALYZE domains"],
    ),
    "an old count of what is due was left": (
        ["statistics_differ"],
        [
            "ALTER TABLE domains ALTER COLUMN due_at SET STATISTICS -1",
            QUEUED,
            "ANALYZE domains",
            "ALTER TABLE domains ALTER COLUMN due_at SET STATISTICS 0",
        ],
    ),
    "a record is Processing and nobody holds it": (
        ["invariant_broken"],
        [QUEUED, NO_GUARD, "UPDATE domains SET status = 'Processing', due_at = NULL", GUARD],
    ),
    "an attempt is live and its record is not Processing": (
        ["invariant_broken"],
        [QUEUED, "SET session_replication_role = replica", HOLD, "RESET session_replication_role"],
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
    "a record has an error's code and no error": (
        ["invariant_broken", "constraint_missing"],
        [
            "ALTER TABLE domains DROP CONSTRAINT ck_domains_error_code_exactly_when_error",
            "INSERT INTO domains (domain) VALUES ('a.test')",
            NO_GUARD,
            "UPDATE domains SET error_code = 'x'",
            GUARD,
        ],
    ),
    "whoever logs in may stay for ever": (
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
    """What the doctor finds; it could look at everything."""
    told = list(examine(engine))
    assert [one for one in told if isinstance(one, Unchecked)] == []
    return [one for one in told if isinstance(one, Finding)]


@pytest.mark.usefixtures("healthy")
def test_a_healthy_database_has_no_findings(engine: Engine) -> None:
    assert findings(engine) == []


@pytest.mark.parametrize("how", BROKEN)
def test_what_is_broken_is_found_and_what_the_doctor_says_mends_it(
    engine: Engine, healthy: Connection, how: str
) -> None:
    checks, statements = BROKEN[how]
    for statement in statements:
        healthy.exec_driver_sql(statement.format(database=healthy.engine.url.database))
    found = findings(engine)
    assert sorted({one.check for one in found}) == sorted(checks)
    assert all(one.what and one.where and one.why for one in found)
    for one in found:
        for statement in one.mend:
            # The role is the whole server's, and not this test's to change.
            here = f"CURRENT_USER IN DATABASE {healthy.engine.url.database}"
            healthy.exec_driver_sql(statement.replace("ALTER ROLE scrapersky", f"ALTER ROLE {here}"))
    assert findings(engine) == []


def test_an_unknown_column_is_told_and_left_to_a_person(engine: Engine, healthy: Connection) -> None:
    healthy.exec_driver_sql("ALTER TABLE domains ADD COLUMN colour text")
    (one,) = findings(engine)
    assert (one.check, one.mend) == ("column_unknown", ())


def test_tables_and_functions_of_others_are_nobodys_business(engine: Engine, healthy: Connection) -> None:
    healthy.exec_driver_sql("CREATE TABLE users (id bigint)")
    healthy.exec_driver_sql("CREATE FUNCTION theirs() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    assert findings(engine) == []


def test_a_word_too_many_is_told_with_what_can_be_done(engine: Engine, healthy: Connection) -> None:
    healthy.exec_driver_sql("ALTER TYPE work_status ADD VALUE 'Pending' BEFORE 'Queued'")
    (one,) = findings(engine)
    assert one.check == "enum_differs"
    assert "New, Pending, Queued" in one.what
    assert "migration" in one.mend[-1]


def test_an_order_of_words_and_a_missing_one_are_told(engine: Engine, healthy: Connection) -> None:
    healthy.exec_driver_sql("ALTER TYPE curation_status RENAME VALUE 'Archived' TO 'Gone'")
    healthy.exec_driver_sql("ALTER TYPE curation_status ADD VALUE 'Archived' BEFORE 'Selected'")
    (one,) = findings(engine)
    assert one.what.startswith("curation_status has the words New, Archived, Selected, Maybe, Not a Fit, Gone;")


def test_a_word_that_every_statement_needs_hides_nothing_but_what_cannot_be_asked_without_it(
    engine: Engine, healthy: Connection
) -> None:
    healthy.exec_driver_sql("ALTER TYPE work_status RENAME VALUE 'Queued' TO 'Pending'")
    told = list(examine(engine))
    assert [one.what for one in told if isinstance(one, Unchecked)] == ["the records and their attempts"]
    found = [one for one in told if isinstance(one, Finding)]
    assert (found[0].check, found[0].mend) == (
        "enum_differs",
        ("ALTER TYPE work_status RENAME VALUE 'Pending' TO 'Queued';",),
    )
    healthy.exec_driver_sql(found[0].mend[0])
    assert findings(engine) == []


def test_a_schema_behind_the_code_is_told_and_compared_with_its_own_revision(
    engine: Engine, healthy: Connection
) -> None:
    with engine.begin() as connection:
        command.downgrade(migrations.configuration(connection), "-1")

    def told() -> list[Finding]:  # what a column of tomorrow is needed for cannot be checked, and is said
        return [one for one in examine(engine) if isinstance(one, Finding)]

    (one,) = told()
    assert (one.check, one.how) == ("schema_behind", "shell")
    healthy.exec_driver_sql("DROP INDEX ix_domains_due")
    assert [one.check for one in told()] == ["schema_behind", "index_missing"]
    with engine.begin() as connection:
        migrations.upgrade(connection)
    assert [one.check for one in findings(engine)] == ["index_missing"]


def test_a_schema_ahead_of_the_code_is_told(engine: Engine, healthy: Connection) -> None:
    healthy.exec_driver_sql("UPDATE alembic_version SET version_num = 'of-tomorrow'")
    told = list(examine(engine))
    assert [getattr(one, "check", "unchecked") for one in told] == ["schema_ahead", "unchecked"]


def test_an_empty_database_was_never_migrated(postgres: Postgres) -> None:
    engine = create_engine(postgres.create_database(f"empty_{next(numbers)}"), poolclass=NullPool)
    assert [one.check for one in findings(engine)] == ["never_migrated"]


def test_a_transaction_left_open_is_told_and_its_end_mends_it(engine: Engine, healthy: Connection) -> None:
    with engine.connect() as forgotten:
        forgotten.execute(text("SELECT count(*) FROM domains"))
        told = [one for one in examine(engine, old_seconds=0) if isinstance(one, Finding)]
        assert [one.check for one in told] == ["old_transaction"]
        assert "idle in transaction" in told[0].what
        healthy.exec_driver_sql(told[0].mend[0])
        forgotten.invalidate()
    assert list(examine(engine, old_seconds=0)) == []


@pytest.fixture(scope="module")
def with_slots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database of a server that allows prepared transactions and replication slots, which ours does not."""
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
def test_what_else_holds_vacuum_back_is_told(with_slots: Engine, check: str, statements: list[str]) -> None:
    with with_slots.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        told = [one for one in examine(with_slots, old_seconds=0) if isinstance(one, Finding)]
        (one,) = (one for one in told if one.check == check)
        connection.exec_driver_sql(one.mend[0])
        assert check not in {getattr(one, "check", "") for one in examine(with_slots, old_seconds=0)}


def test_dead_rows_are_told_and_vacuum_mends_them(engine: Engine, healthy: Connection) -> None:
    healthy.exec_driver_sql("ALTER TABLE domains SET (autovacuum_enabled = off)")
    healthy.exec_driver_sql("INSERT INTO domains (domain) SELECT n || '.test' FROM generate_series(1, 100) AS n")
    healthy.exec_driver_sql("DELETE FROM domains WHERE id > 50")
    healthy.exec_driver_sql("SELECT pg_stat_force_next_flush()")
    with engine.connect() as connection:
        (one,) = check_dead_rows(connection, at_least=50)
        assert one.what.startswith("domains has 50 dead rows")
    healthy.exec_driver_sql(one.mend[0])
    with engine.connect() as connection:
        assert list(check_dead_rows(connection, at_least=50)) == []


def test_too_few_connections_for_the_stage_are_told(connection: Connection) -> None:
    assert [one.check for one in check_room(connection, 10_000)] == ["connections_short"]
    assert list(check_room(connection, 50)) == []


def test_a_role_that_may_not_create_learns_what_was_not_looked_at(engine: Engine, healthy: Connection) -> None:
    name = f"reader_{next(numbers)}"
    healthy.exec_driver_sql(f"CREATE ROLE {name} LOGIN PASSWORD 'x'")
    healthy.exec_driver_sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
    told = list(examine(create_engine(engine.url.set(username=name, password="x"), poolclass=NullPool)))
    assert [one.what for one in told if isinstance(one, Unchecked)] == ["guards, triggers, indexes and storage"]
    assert [one.check for one in told if isinstance(one, Finding)] == ["role_without_timeout"]


def test_the_report_numbers_findings_and_ends_with_1(
    healthy: Connection, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    healthy.exec_driver_sql("DROP INDEX ix_domains_due")
    assert main(["--database-url", database_url]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "1. index_missing: domains has no index ix_domains_due"
    assert told[3] == (
        "   psql   CREATE INDEX CONCURRENTLY ix_domains_due ON domains USING btree (tenant, due_at, id)"
        " WHERE due_at IS NOT NULL;"
    )
    assert told[-1] == "1 finding: the database."
    assert main(["--database-url", database_url, "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["check"], finding["how"]) == ("index_missing", "sql")


@pytest.mark.usefixtures("healthy")
def test_a_clean_one_says_so_and_ends_with_0(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--database-url", database_url]) == 0
    assert capsys.readouterr().out == "Nothing to mend: the database.\n"


def test_a_database_that_is_not_there_ends_with_2_and_without_its_password(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--database-url", "postgresql+pg8000://ada:secret@127.0.0.1:1/none"]) == 2
    told = capsys.readouterr().out
    assert "Not looked at: the database" in told
    assert "secret" not in told


def test_with_nothing_to_look_at_it_says_what_would_be_right(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DATABASE_URL", "SCRAPERSKY_STAGE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "--stage dev" in capsys.readouterr().err
