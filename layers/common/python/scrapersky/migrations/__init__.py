"""The database's schema, by Alembic. A released migration never changes, so it imports nothing of the product.

A migration whose module says ``online = True`` runs outside a transaction (:mod:`scrapersky.migrations.online`).
"""

from itertools import takewhile
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, Engine

from scrapersky.postgres import PostgresConnection

LOCATION = Path(__file__).parent

LOCK_TIMEOUT_SECONDS = 5.0
"""How long a migration waits for a lock. A waiting migration blocks all traffic behind it, so it fails fast and is
tried again
(:mod:`scrapersky.migrations.retries`)."""


class NeedsDirectConnection(RuntimeError):
    """An online migration cannot hold its lock through a pooler, which gives each statement another session."""


def configuration(
    connection: Connection | None = None,
    *,
    lock_timeout: float = LOCK_TIMEOUT_SECONDS,
    seconds: float = 0,
    online: bool = False,
) -> Config:
    """Return Alembic's configuration, bound to ``connection`` when given; ``env.py`` explains the options."""
    config = Config()
    config.set_main_option("script_location", str(LOCATION).replace("%", "%%"))
    config.attributes.update(connection=connection, lock_timeout=lock_timeout, seconds=seconds, online=online)
    return config


def known_revisions() -> frozenset[str]:
    """Return the revisions that this code has migrations for."""
    return frozenset(script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions())


def upgrade(
    connection: Connection,
    revision: str = "head",
    *,
    lock_timeout: float = LOCK_TIMEOUT_SECONDS,
    seconds: float = 0,
) -> str | None:
    """Upgrade the database to ``revision`` in the connection's own transaction, completely or not at all.

    Return the database's revision. A database that is newer than this code is not changed: that is a rollback of the stack,
    and the previous code runs on the schema of each migration. Online migrations run in the transaction too, where they
    block writers: for an empty database.
    """
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known_revisions():
        return current
    command.upgrade(configuration(connection, lock_timeout=lock_timeout, seconds=seconds), revision)
    return MigrationContext.configure(connection).get_current_revision()


def take_step(engine: Engine, *, lock_timeout: float, seconds: float) -> tuple[str | None, bool]:
    """Run the next online migration, or all ordinary ones before it in one transaction.

    Return the database's revision, and whether this was the last step. No statement lasts longer than ``seconds``.
    """
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known_revisions():
        return current, True
    scripts = ScriptDirectory.from_config(configuration())
    pending = [*scripts.iterate_revisions("head", current or "base")][::-1]
    if pending and is_online(pending[0]):
        _run_online(engine, pending[0].revision, lock_timeout, seconds)
        return pending[0].revision, False  # a last, ordinary step grants the privileges
    ordinary = [*takewhile(lambda script: not is_online(script), pending)]
    target = ordinary[-1].revision if ordinary else "head"
    with engine.begin() as connection:
        revision = upgrade(connection, target, lock_timeout=lock_timeout, seconds=seconds)
    return revision, len(ordinary) == len(pending)


def is_online(script: Script) -> bool:
    """Return whether the migration runs outside a transaction."""
    return bool(getattr(script.module, "online", False))


def _run_online(engine: Engine, revision: str, lock_timeout: float, seconds: float) -> None:
    with engine.connect() as connection:
        # On the connection: the engine's own level would win over that of an engine made from it.
        connection.execution_options(isolation_level="AUTOCOMMIT")
        driver = connection.connection.dbapi_connection
        if isinstance(driver, PostgresConnection) and not driver.is_direct:
            raise NeedsDirectConnection(
                f"migration {revision} runs outside a transaction, and the secret's host is a pooler: put host and port "
                "of Postgres itself into the owner's secret"
            )
        connection.detach()  # However it ends, its settings and its lock end with its session.
        command.upgrade(configuration(connection, lock_timeout=lock_timeout, seconds=seconds, online=True), revision)
        connection.exec_driver_sql("SELECT pg_advisory_unlock_all()")
