"""Alembic's environment: run the migrations on the connection of :func:`scrapersky.migrations.upgrade`."""

from alembic import context

from scrapersky.migrations import role
from scrapersky.models import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True, compare_server_default=True)
with context.begin_transaction():
    # The guard's functions keep this search_path: the schema of the tables, and temporary tables last.
    schema = connection.exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
    connection.exec_driver_sql(f"SET LOCAL search_path = {schema}, pg_temp")
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{context.config.attributes['lock_timeout'] * 1000:.0f}ms'")
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7263549)")  # serialize simultaneous deployments
    context.run_migrations()
    role.grant(connection)
