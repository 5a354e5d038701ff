"""What a migration marked ``online = True`` does while all traffic goes on: build indexes, and change rows in batches.

It has no transaction, so a death in the middle leaves a part of it behind, and the whole migration runs again. So each of
its statements must change nothing the second time: use these functions, or ``VALIDATE CONSTRAINT``. It creates no table,
and nothing else whose lock blocks traffic. Inside a transaction (an empty database) the functions do the same, blocking.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

IS_VALID = text("SELECT indisvalid FROM pg_index WHERE indexrelid = CAST(to_regclass(:name) AS oid)")


def create_index(connection: Connection, name: str, on: str, *, unique: bool = False) -> None:
    """Create the index ``name`` on ``on``, such as ``domains (title) WHERE title IS NOT NULL``.

    A valid index is kept. One that a failed try left INVALID is dropped and made again.
    """
    valid = connection.execute(IS_VALID, {"name": name}).scalar_one_or_none()
    if valid:
        return
    with _waiting(connection) as concurrently:
        if valid is False:
            connection.exec_driver_sql(f"DROP INDEX {concurrently} {name}")
        connection.exec_driver_sql(f"CREATE {'UNIQUE' if unique else ''} INDEX {concurrently} {name} ON {on}")


def drop_index(connection: Connection, name: str) -> None:
    """Drop the index ``name``, if there is one."""
    with _waiting(connection) as concurrently:
        connection.exec_driver_sql(f"DROP INDEX {concurrently} IF EXISTS {name}")


def change_in_batches(connection: Connection, statement: str) -> int:
    """Execute ``statement`` until it changes no row, each time a transaction; return the number of rows changed.

    It changes a few thousand rows, which it must not find again:
    ``UPDATE pages SET kind = 'other' WHERE id IN (SELECT id FROM pages WHERE kind IS NULL LIMIT 5000)``.
    """
    changed = 0
    while rows := connection.exec_driver_sql(statement).rowcount:
        changed += rows
    return changed


@contextmanager
def _waiting(connection: Connection) -> Iterator[str]:
    """Yield CONCURRENTLY outside a transaction, and wait for all older transactions there: that blocks no traffic."""
    if not connection.connection.dbapi_connection.autocommit:  # type: ignore[union-attr]
        yield ""
        return
    usual = connection.exec_driver_sql("SHOW lock_timeout").scalar_one()
    connection.exec_driver_sql("SET lock_timeout = 0")
    yield "CONCURRENTLY"
    connection.exec_driver_sql(f"SET lock_timeout = '{usual}'")
