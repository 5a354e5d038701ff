"""Migrations create the schema that the models describe, and can be downgraded."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.pool import NullPool

from scrapersky import migrations
from scrapersky.migrations import guard
from scrapersky.models import Base
from scrapersky.runtime.registry import DISCOVERY, WORKFLOWS
from scripts.commands.run.postgres import Postgres


def test_the_migrated_schema_equals_the_models(postgres: Postgres, database_url: str) -> None:
    with create_engine(database_url, poolclass=NullPool).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        first = migrations.upgrade(connection)
    with engine.begin() as connection:
        assert migrations.upgrade(connection) == first


def test_a_downgrade_and_an_upgrade_restore_the_schema(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        command.downgrade(migrations.configuration(connection), "base")
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    with engine.begin() as connection:
        migrations.upgrade(connection)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_a_workflow_is_unwatched_and_watched_again_without_a_trace(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    before = guards(engine)
    discovery = ("sitemaps", "status", "discovery")
    others = [(one.table, one.field, one.name) for one in WORKFLOWS.values() if one != DISCOVERY]
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL search_path = public, pg_temp"))
        guard.unwatch(connection, discovery, others)
    assert {name for name in before.keys() - guards(engine).keys() if "discovery" not in name} == set()
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL search_path = public, pg_temp"))
        guard.watch(connection, discovery, others)
    assert guards(engine) == before


def test_a_downgrade_leaves_nothing(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        command.downgrade(migrations.configuration(connection), "base")
    assert guards(engine) == {}
    with engine.connect() as connection:
        left = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('S', 'r')"
        assert connection.execute(text(left)).scalars().all() == ["alembic_version"]


def guards(engine: Engine) -> dict[str, str]:
    """Return the definition of each trigger, function and procedure of the schema."""
    with engine.connect() as connection:
        return {
            row.name: row.definition
            for row in connection.execute(
                text(
                    "SELECT proname AS name, pg_get_functiondef(oid) AS definition FROM pg_proc"
                    " WHERE pronamespace = 'public'::regnamespace"
                    " AND oid NOT IN (SELECT objid FROM pg_depend WHERE deptype = 'e') UNION ALL"
                    " SELECT tgname, pg_get_triggerdef(oid) || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal"
                )
            )
        }


def test_code_that_is_older_than_the_database_does_not_change_it(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'of-tomorrow'"))
    with engine.begin() as connection:
        assert migrations.upgrade(connection) == "of-tomorrow"
