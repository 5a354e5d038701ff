"""The reference: what the migrations make, made for a moment in a schema beside the real one, read, and taken back.

So nothing is compared with a list that somebody must keep: a guard's body, an index's predicate, a fill factor are what the
migrations of this very code say. Locks nothing that anybody uses; needs the right to create a schema.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine

from scrapersky import migrations
from scripts.commands.scrapersky.doctor.catalog import Catalog, read_catalog

SCHEMA = "scrapersky_doctor_reference"


def read_reference(engine: Engine, revision: str) -> Catalog:
    """What a fresh database at ``revision`` has. Raises :class:`~sqlalchemy.exc.DBAPIError` without the right to create."""
    with engine.connect() as connection:
        transaction = connection.begin()
        try:
            return _made(connection, revision)
        finally:
            transaction.rollback()


def _made(connection: Connection, revision: str) -> Catalog:
    connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
    connection.exec_driver_sql(f"SET LOCAL search_path = {SCHEMA}")
    migrations.upgrade(connection, revision)
    return read_catalog(connection)
