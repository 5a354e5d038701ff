"""The role of the functions does their work, and can change neither the schema, nor the guard, nor history."""

from contextlib import suppress

import pytest
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from scrapersky import migrations
from scrapersky.database import ROLE_SETTINGS, sqlstate
from scrapersky.migrations.role import ALL, CREATE, PRIVILEGES, ROLE
from scrapersky.models import Base
from scrapersky.runtime.registry import METADATA
from scrapersky.status import transitions
from scrapersky.status.claim import claim
from scrapersky.status.finish import Stale, complete
from scrapersky.vocabulary import AttemptId
from scripts.commands.run.postgres import Postgres
from tests.conftest import numbers
from tests.integration.verbs import VERBS

pytestmark = pytest.mark.usefixtures("invariants_hold")

NOT_PERMITTED = "42501"
FAKE = """
CREATE TEMPORARY TABLE fake (workflow text, record_ids bigint[], actor text, reason text, attempts bigint, events bigint);
CREATE FUNCTION pg_temp.rewrite() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN UPDATE public.attempts SET detail = NULL; RETURN NEW; END';
CREATE TRIGGER fake BEFORE INSERT ON fake FOR EACH ROW EXECUTE FUNCTION {function}();
INSERT INTO fake VALUES ('metadata', '{{1}}', 'ada', 'x', 0, 0)
"""


@pytest.fixture
def completed(connection: Connection, as_application: None) -> AttemptId:
    """The attempt of a record that was claimed and completed by the role."""
    connection.execute(text("INSERT INTO domains (domain, status) VALUES ('a.test', 'Queued')"))
    (claimed,) = claim(connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=60)
    complete(connection, METADATA, claimed.attempt_id, code="read", detail={"title": "x"})
    return claimed.attempt_id


def test_the_role_has_exactly_the_listed_privileges(connection: Connection) -> None:
    question = text("""
        SELECT relname, string_agg(privilege, ', ' ORDER BY place) FILTER (WHERE has_table_privilege(:role, oid, privilege))
        FROM pg_class, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'])
            WITH ORDINALITY AS possible (privilege, place)
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' GROUP BY relname
    """)
    has = {row[0]: row[1] for row in connection.execute(question, {"role": ROLE})}
    assert has == {table: PRIVILEGES.get(table, ALL) for table in (*Base.metadata.tables, "alembic_version")}


@pytest.mark.usefixtures("as_application")
def test_the_role_may_run_every_verb(connection: Connection) -> None:
    for verb, _ in VERBS.values():
        with suppress(Stale):  # no verb's attempt exists, which is no matter of privileges
            verb(connection)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE another (id bigint)",
        "CREATE FUNCTION another() RETURNS bigint LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE domains DISABLE TRIGGER ALL",
        "ALTER TABLE domains ADD COLUMN another text",
        "CREATE TRIGGER another BEFORE UPDATE ON domains FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "DROP TABLE pages",
        "DROP FUNCTION guard_metadata_status() CASCADE",
        "TRUNCATE pages",
        "SET session_replication_role = replica",
        "SELECT * FROM pending_attempt_checks",
        "INSERT INTO pending_attempt_checks VALUES ('metadata', 1, 1)",
        "INSERT INTO status_events (workflow, record_id, to_status, actor) VALUES ('metadata', 1, 'Error', 'ada')",
        "UPDATE status_events SET actor = 'another'",
        "DELETE FROM status_events",
        "DELETE FROM attempts",
        "DELETE FROM pauses",
        "INSERT INTO erasures (workflow, record_ids, actor, reason) VALUES ('metadata', '{1}', 'ada', 'x')",
        "SELECT nextval('attempt_numbers')",
        "UPDATE alembic_version SET version_num = 'another'",
        FAKE.format(function="fulfil_erasure"),
    ],
)
def test_the_role_may_not_change_the_schema_or_the_guard_or_history(
    connection: Connection, completed: AttemptId, statement: str
) -> None:
    with pytest.raises(DBAPIError) as error:
        connection.exec_driver_sql(statement)
    assert sqlstate(error.value) == NOT_PERMITTED


def test_the_role_cannot_pass_a_trigger_of_its_own_for_one_of_the_guards(
    connection: Connection, completed: AttemptId
) -> None:
    with pytest.raises(DBAPIError) as error:
        connection.exec_driver_sql(FAKE.format(function="pg_temp.rewrite"))
    assert sqlstate(error.value) == transitions.IMMUTABLE


@pytest.mark.usefixtures("completed")
def test_a_temporary_table_does_not_hide_a_table_from_the_guard(connection: Connection) -> None:
    connection.execute(text("INSERT INTO domains (domain, status) VALUES ('b.test', 'Queued')"))
    connection.exec_driver_sql("CREATE TEMPORARY TABLE attempts AS SELECT * FROM attempts")
    connection.exec_driver_sql("UPDATE pg_temp.attempts SET record_id = 2, finished_at = NULL")
    with pytest.raises(DBAPIError) as error:
        connection.execute(text("UPDATE domains SET status = 'Processing' WHERE domain = 'b.test'"))
    assert sqlstate(error.value) == transitions.ATTEMPT_MISMATCH
    connection.exec_driver_sql("DROP TABLE pg_temp.attempts")


def test_the_role_has_the_settings_of_the_functions(engine: Engine, application_url: str) -> None:
    application = create_engine(application_url, poolclass=NullPool)
    with application.connect() as connection:
        for name, value in ROLE_SETTINGS.items():
            shown = connection.exec_driver_sql(f"SELECT current_setting('{name}')::text").scalar_one()
            assert shown.replace("1min", "60s") == value


def test_an_owner_that_may_not_create_roles_migrates_and_grants_once_an_administrator_made_the_role(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with Postgres.start(tmp_path_factory.mktemp("without_role")) as server:
        url = server.create_database(f"hand_made_{next(numbers)}")
        administrator = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with administrator.connect() as connection:
            connection.exec_driver_sql(f"CREATE ROLE owner LOGIN PASSWORD '{server.password}'")
            connection.exec_driver_sql("GRANT CREATE, USAGE ON SCHEMA public TO owner")
        owner = create_engine(make_url(url).set(username="owner"), poolclass=NullPool)
        granted = "SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = 'scrapersky_app'"
        with owner.begin() as connection:
            migrations.upgrade(connection)
            assert connection.exec_driver_sql(granted).scalar_one() == 0
        with administrator.connect() as connection:
            connection.exec_driver_sql(CREATE)
        with owner.begin() as connection:
            migrations.upgrade(connection)
            assert connection.exec_driver_sql(granted).scalar_one() > len(Base.metadata.tables)
