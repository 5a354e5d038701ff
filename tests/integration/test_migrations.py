"""Migrations: the schema they make is the one the models describe, and they go down as well as up."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.pool import NullPool

from scrapersky import migrations
from scrapersky.models import Base
from scripts.local.postgres import Postgres


def test_the_migrated_schema_is_the_models(postgres: Postgres, database_url: str) -> None:
    with create_engine(database_url, poolclass=NullPool).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        first = migrations.upgrade(connection)
    with engine.begin() as connection:
        assert migrations.upgrade(connection) == first


def test_down_and_up_again_ends_in_the_same_schema(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        command.downgrade(migrations.configuration(connection), "base")
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    with engine.begin() as connection:
        migrations.upgrade(connection)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_code_older_than_the_database_leaves_it_as_it_is(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'of-tomorrow'"))
    with engine.begin() as connection:
        assert migrations.upgrade(connection) == "of-tomorrow"
