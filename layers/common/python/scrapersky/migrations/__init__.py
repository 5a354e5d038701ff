"""The database's schema, by Alembic. A migration is frozen once it has landed: it imports none of our living code."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

LOCATION = Path(__file__).parent


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's configuration for our migrations, bound to ``connection`` when given."""
    config = Config()
    config.set_main_option("script_location", str(LOCATION).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection, revision: str = "head") -> str | None:
    """Brings the database up to ``revision``, in the connection's own transaction: all of it or nothing.

    Returns the revision the database now has.
    """
    command.upgrade(configuration(connection), revision)
    return MigrationContext.configure(connection).get_current_revision()
