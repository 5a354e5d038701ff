"""The database's schema, by Alembic. A released migration never changes, so it imports nothing of the product."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

LOCATION = Path(__file__).parent

LOCK_TIMEOUT_SECONDS = 5.0
"""How long a migration waits for a lock. A waiting migration blocks all traffic behind it, so it fails fast and is
tried again
(:mod:`scrapersky.migrations.retries`)."""


def configuration(connection: Connection | None = None, lock_timeout: float = LOCK_TIMEOUT_SECONDS) -> Config:
    """Return Alembic's configuration, bound to ``connection`` when given. ``lock_timeout`` is in seconds."""
    config = Config()
    config.set_main_option("script_location", str(LOCATION).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["lock_timeout"] = lock_timeout
    return config


def known_revisions() -> frozenset[str]:
    """Return the revisions that this code has migrations for."""
    return frozenset(script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions())


def upgrade(
    connection: Connection, revision: str = "head", *, lock_timeout: float = LOCK_TIMEOUT_SECONDS
) -> str | None:
    """Upgrade the database to ``revision`` in the connection's own transaction, completely or not at all.

    Return the database's revision. A database that is newer than this code is not changed: that is a rollback of the stack,
    and the previous code runs on the schema of each migration.
    """
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known_revisions():
        return current
    command.upgrade(configuration(connection, lock_timeout), revision)
    return MigrationContext.configure(connection).get_current_revision()
