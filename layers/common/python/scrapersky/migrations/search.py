"""The indexes for the lists' filter ``search``: trigrams, by the extension pg_trgm.

They are made at each migration where they are missing, as the extension may be created later by an administrator. Where
it may not be created, a search reads the records in their order, a part at each page.
"""

from sqlalchemy import Connection

COLUMNS = {
    "contacts": "value",
    "domains": "domain",
    "local_businesses": "business_name",
    "place_searches": "name",
    "places": "name",
}

CREATE_EXTENSION = """
DO $$ BEGIN CREATE EXTENSION IF NOT EXISTS pg_trgm;
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR invalid_parameter_value THEN NULL;
END $$
"""
SCHEMA = """
SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
WHERE extname = 'pg_trgm'
"""


def make_indexes(connection: Connection) -> bool:
    """Make the indexes that are missing. Return False where the database cannot have the extension."""
    connection.exec_driver_sql(CREATE_EXTENSION)
    schema = connection.exec_driver_sql(SCHEMA).scalar_one_or_none()
    if schema is None:
        return False
    for table, column in COLUMNS.items():
        missing = f"SELECT to_regclass('{table}') IS NOT NULL AND to_regclass('ix_{table}_search') IS NULL"
        if connection.exec_driver_sql(missing).scalar_one():
            connection.exec_driver_sql(
                f"CREATE INDEX ix_{table}_search ON {table} USING gin (lower({column}) {schema}.gin_trgm_ops)"
            )
    return True
