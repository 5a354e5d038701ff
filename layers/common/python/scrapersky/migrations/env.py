"""Alembic's environment: run the migrations on the connection of :func:`scrapersky.migrations.configuration`.

``lock_timeout`` limits the wait for a lock, ``seconds`` a statement (0: no limit), whatever the role's own limits are.
With ``online`` each statement is a transaction of its own.
"""

from alembic import context

from scrapersky.migrations import role, search
from scrapersky.models import Base

options = context.config.attributes
connection, online = options["connection"], options["online"]
SET, TRY_LOCK = ("SET", "pg_try_advisory_lock") if online else ("SET LOCAL", "pg_try_advisory_xact_lock")
# Serialize simultaneous deployments. Not by waiting: CREATE INDEX CONCURRENTLY would wait for the statement that waits.
LOCK = f"""
DO $$ BEGIN
    IF NOT {TRY_LOCK}(7263549) THEN
        RAISE lock_not_available USING MESSAGE = 'another migration is running';
    END IF;
END $$"""

context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True, compare_server_default=True)
with context.begin_transaction():
    # The guard's functions keep this search_path: the schema of the tables, and temporary tables last.
    schema = connection.exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
    connection.exec_driver_sql(f"{SET} search_path = {schema}, pg_temp")
    connection.exec_driver_sql(f"{SET} lock_timeout = '{options['lock_timeout'] * 1000:.0f}ms'")
    connection.exec_driver_sql(f"{SET} statement_timeout = '{options['seconds'] * 1000:.0f}ms'")
    connection.exec_driver_sql(LOCK)
    context.run_migrations()
    if not online:
        search.make_indexes(connection)
        role.grant(connection)
