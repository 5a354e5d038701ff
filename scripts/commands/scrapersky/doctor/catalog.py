"""The catalog: every definition in one schema, in words that can be compared with another schema's.

Names are read with the schema first in the search path, so that definitions name neither it nor the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

Row = Mapping[str, Any]

TABLES = """
SELECT relname AS name, coalesce(reloptions, '{}') AS options FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
"""

COLUMNS = """
SELECT relname AS table, attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS not_null,
    pg_get_expr(adbin, adrelid) AS standard, attidentity::text AS identity, coalesce(attstattarget, -1) AS statistics,
    EXISTS (SELECT FROM pg_stats WHERE schemaname = current_schema() AND tablename = relname AND pg_stats.attname =
            pg_attribute.attname) AS counted
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
"""

CONSTRAINTS = """
SELECT relname AS table, conname AS name, contype::text AS kind, convalidated AS valid,
    replace(pg_get_constraintdef(pg_constraint.oid, true), ' NOT VALID', '') AS definition
FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
WHERE connamespace = current_schema()::regnamespace AND contype IN ('p', 'u', 'f', 'c')
"""

INDEXES = """
SELECT t.relname AS table, i.relname AS name, indisvalid AND indisready AS valid,
    pg_get_indexdef(indexrelid, 0, true) AS definition,
    EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u')) AS of_a_constraint
FROM pg_index JOIN pg_class AS i ON i.oid = indexrelid JOIN pg_class AS t ON t.oid = indrelid
WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind = 'r'
"""

TRIGGERS = """
SELECT relname AS table, tgname AS name, tgenabled::text AS enabled, pg_get_triggerdef(pg_trigger.oid, true) AS definition
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal
"""

FUNCTIONS = """
SELECT proname AS name, prosrc AS body, coalesce(proconfig, '{}') AS config, prosecdef AS definer,
    provolatile::text AS volatile, pg_get_function_arguments(oid) AS arguments,
    replace(pg_get_functiondef(oid), ' ' || current_schema() || '.', ' ') AS definition
FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND prokind IN ('f', 'p')
"""


@dataclass(frozen=True)
class Catalog:
    """A schema's definitions: tables and functions by name, the others by (table, name). ``version`` is 180003 for 18.3."""

    schema: str
    version: int
    tables: Mapping[str, Row]
    columns: Mapping[tuple[str, str], Row]
    constraints: Mapping[tuple[str, str], Row]
    indexes: Mapping[tuple[str, str], Row]
    triggers: Mapping[tuple[str, str], Row]
    functions: Mapping[str, Row]


def read_catalog(connection: Connection) -> Catalog:
    """The definitions in the connection's first schema."""

    def rows(statement: str) -> list[Row]:
        return [dict(row) for row in connection.execute(text(statement)).mappings()]

    def of_tables(statement: str) -> Mapping[tuple[str, str], Row]:
        return {(row["table"], row["name"]): row for row in rows(statement)}

    return Catalog(
        schema=connection.execute(text("SELECT current_schema()")).scalar_one(),
        version=int(connection.execute(text("SHOW server_version_num")).scalar_one()),
        tables={row["name"]: row for row in rows(TABLES)},
        columns=of_tables(COLUMNS),
        constraints=of_tables(CONSTRAINTS),
        indexes=of_tables(INDEXES),
        triggers=of_tables(TRIGGERS),
        functions={row["name"]: row for row in rows(FUNCTIONS)},
    )
