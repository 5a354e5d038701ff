"""The database's schema, by Alembic. A migration is frozen once it has landed: it imports none of our living code."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

LOCATION = Path(__file__).parent

LOCK_TIMEOUT_SECONDS = 5.0
"""How long a migration waits for a lock. Waiting makes everybody behind it wait: better to fail fast and be run again
(:mod:`scrapersky.migrations.patience`)."""


def configuration(connection: Connection | None = None, lock_timeout: float = LOCK_TIMEOUT_SECONDS) -> Config:
    """Alembic's configuration for our migrations, bound to ``connection`` when given. ``lock_timeout`` is seconds."""
    config = Config()
    config.set_main_option("script_location", str(LOCATION).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["lock_timeout"] = lock_timeout
    return config


def known_revisions() -> frozenset[str]:
    """Every revision that this code has a migration for."""
    return frozenset(script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions())


def upgrade(
    connection: Connection, revision: str = "head", *, lock_timeout: float = LOCK_TIMEOUT_SECONDS
) -> str | None:
    """Brings the database up to ``revision``, in the connection's own transaction: all of it or nothing.

    Returns the revision the database now has. A database ahead of this code is left as it is: that is what a rollback of
    the stack looks like, and migrations are written so that the code before them can still run.
    """
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known_revisions():
        return current
    command.upgrade(configuration(connection, lock_timeout), revision)
    return MigrationContext.configure(connection).get_current_revision()
