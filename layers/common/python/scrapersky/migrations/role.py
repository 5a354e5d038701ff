"""The role of the functions, ``scrapersky_app``: it reads and writes the tables, and changes neither schema nor history.

Migrations run as the owner of the tables. They create the role, if they may, and grant its privileges each time, so
that new tables are included. Where they may not create roles, an administrator runs :data:`CREATE` once, and the next
migration grants. A login is possible once the role has a password.
"""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from scrapersky.database import ROLE_SETTINGS
from scrapersky.models import Base

ROLE = "scrapersky_app"

CREATE = f"""
CREATE ROLE {ROLE} LOGIN;
{"".join(f"ALTER ROLE {ROLE} SET {name} = '{value}';" for name, value in ROLE_SETTINGS.items())}
"""

ALL = "SELECT, INSERT, UPDATE, DELETE"
PRIVILEGES: Mapping[str, str | None] = {
    # Attempts and pauses are history as soon as they have ended. The guard writes the events.
    "attempts": "SELECT, INSERT, UPDATE",
    "pauses": "SELECT, INSERT, UPDATE",
    "status_events": "SELECT",
    "erasures": "SELECT",
    "pending_attempt_checks": None,
    "alembic_version": "SELECT",
}
"""What the role may do with these tables; :data:`ALL` with the others. Never TRUNCATE, TRIGGER or REFERENCES."""

FUNCTIONS = (
    "erase_history(text, bigint[], text, text), delete_history(timestamptz, integer), find_subject(text[]),"
    " erase_subject(text[], text, text)"
)
"""The functions that the role may call. As all functions of the guard, they are not open to others."""


def privileges_on(tables: Collection[str]) -> dict[str, str]:
    """Return the privileges that the role has on each of ``tables``, as GRANT takes them; empty for none."""
    return {table: PRIVILEGES.get(table, ALL) or "" for table in tables}


def grant(connection: Connection) -> bool:
    """Create the role where it is missing and the owner may, and grant its privileges. Return whether the role exists."""
    if not _exists(connection) and not _create(connection):
        return False
    if connection.exec_driver_sql(f"SELECT current_user = '{ROLE}'").scalar_one():
        return True  # the functions run as the owner
    present = set(connection.exec_driver_sql("SELECT relname FROM pg_class WHERE pg_table_is_visible(oid)").scalars())
    if "attempts" not in present:
        return True  # after a downgrade to nothing
    tables = [table for table in (*Base.metadata.tables, "alembic_version") if table in present]
    connection.exec_driver_sql(f"REVOKE ALL ON {', '.join(tables)} FROM {ROLE}")
    for table, privileges in privileges_on(tables).items():
        if privileges:
            connection.exec_driver_sql(f"GRANT {privileges} ON {table} TO {ROLE}")
    schema = connection.exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
    connection.exec_driver_sql(
        f"GRANT USAGE ON SCHEMA {schema} TO {ROLE}; GRANT EXECUTE ON FUNCTION {FUNCTIONS} TO {ROLE}"
    )
    return True


def _exists(connection: Connection) -> bool:
    return bool(
        connection.exec_driver_sql(f"SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}')").scalar_one()
    )


def _create(connection: Connection) -> bool:
    """Create the role; return False where the owner may not. Another database's migration may create it meanwhile."""
    connection.exec_driver_sql(
        f"DO $$ BEGIN {CREATE} EXCEPTION WHEN insufficient_privilege OR duplicate_object THEN NULL; END $$"
    )
    return _exists(connection)
