"""The schema: its revision, its tables and columns by Alembic, and all other definitions against the migrations'.

The expected definitions are made by running this code's migrations in a temporary schema, which is rolled back: nothing
has to be kept up to date. It needs the right to create a schema, and only a deployment's migration waits for it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from typing import Any

from alembic.autogenerate import produce_migrations
from alembic.operations import Operations, ops
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from scrapersky import migrations
from scrapersky.models import Base
from scripts.commands.scrapersky.doctor.finding import Finding, Unchecked, message_of

SCHEMA = "scrapersky_doctor"
MIGRATE = (
    "aws lambda invoke --function-name scrapersky-STAGE-migrate:live --cli-binary-format raw-in-base64-out"
    " --payload '{}' /dev/stdout"
)

DEFINITIONS = text(r"""
-- kind, table, name, definition
SELECT 'enum', '', typname::text, string_agg(enumlabel, ', ' ORDER BY enumsortorder)
FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid
WHERE typnamespace = current_schema()::regnamespace GROUP BY typname
UNION ALL
SELECT 'function', '', proname,
    -- functions keep a search_path: as if they were in the schema that is checked
    replace(replace(pg_get_functiondef(oid), ' ' || current_schema() || '.', ' '),
        quote_literal(current_schema()), quote_literal(CAST(:schema AS text)))
FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND prokind IN ('f', 'p')
    AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = oid AND deptype = 'e')
UNION ALL
SELECT 'trigger', relname, tgname,
    pg_get_triggerdef(pg_trigger.oid, true) || CASE WHEN tgenabled <> 'O' THEN ' -- disabled' ELSE '' END
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal
UNION ALL
SELECT 'constraint', relname, conname, pg_get_constraintdef(pg_constraint.oid, true)
FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
WHERE connamespace = current_schema()::regnamespace AND contype IN ('p', 'u', 'f', 'c')
UNION ALL
SELECT 'index', t.relname, i.relname,
    -- the class for trigrams is in the schema of its extension
    regexp_replace(pg_get_indexdef(indexrelid, 0, true), '\S*\.gin_trgm_ops', 'gin_trgm_ops')
        || CASE WHEN indisvalid AND indisready THEN '' ELSE ' -- invalid' END
FROM pg_index JOIN pg_class AS i ON i.oid = indexrelid JOIN pg_class AS t ON t.oid = indrelid
WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind = 'r'
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))
UNION ALL
SELECT 'storage', relname, '', array_to_string(reloptions, ', ')
FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
""")

Key = tuple[str, str, str]
"""Kind, table and name of a definition."""

KINDS = {
    # kind: (why it matters, how to drop it, how to create it)
    "enum": (
        "a row with a word that the other side does not know fails every statement that reads or writes it",
        "",
        "",
    ),
    "function": (
        "the database guards and audits statuses differently from the code and the documents",
        "",
        "{definition};",
    ),
    "trigger": (
        "illegal transitions are not rejected, or legal ones leave no event",
        "DROP TRIGGER {name} ON {table};",
        "{definition};",
    ),
    "constraint": (
        "rows that break it can be written, or valid rows are rejected",
        "ALTER TABLE {table} DROP CONSTRAINT {name};",
        "ALTER TABLE {table} ADD CONSTRAINT {name} {definition};",
    ),
    "index": (
        "a statement that relies on it reads the whole table, or a status change updates one index more",
        "DROP INDEX CONCURRENTLY {name};",
        "{definition};",
    ),
    "storage": (
        "without free space on each page a status change rewrites every index; with late vacuum claims slow down",
        "ALTER TABLE {table} RESET ({options});",
        "ALTER TABLE {table} SET ({definition});",
    ),
}


def check_schema(engine: Engine, stage: str | None) -> Iterator[Finding | Unchecked]:
    """Yield what differs from this code's migrations and models."""
    repair = (MIGRATE.replace("STAGE", stage or "STAGE"),)
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    head = ScriptDirectory.from_config(migrations.configuration()).get_current_head()
    if current is None:
        yield _revision("never_migrated", "no migration has run", "there are no tables to work on", repair)
        return
    if current not in migrations.known_revisions():
        what = f"the database is at revision {current}, which this code does not know (its newest is {head})"
        yield _revision("schema_ahead", what, "this code is older than the deployment: check out the deployed version")
        yield Unchecked("definitions", f"the migrations up to {current} are missing here")
        return
    if current != head:
        why = "code that needs the newer schema fails; each deployment migrates first, so one of them did not finish"
        yield _revision("schema_behind", f"the database is at revision {current}, the code at {head}", why, repair)
    checks: list[tuple[str, Callable[[], list[Finding]]]] = [
        ("functions, triggers, constraints, indexes and storage", lambda: _definitions(engine, current))
    ]
    if current == head:
        checks.insert(0, ("tables and columns", lambda: _tables(engine)))
    for what, check in checks:
        try:
            yield from check()
        except DBAPIError as error:
            yield Unchecked(what, message_of(error))


def _revision(check: str, what: str, why: str, repair: tuple[str, ...] = ()) -> Finding:
    return Finding(check=check, what=what, where="table alembic_version", why=why, repair=repair, how="shell")


def _definitions(engine: Engine, revision: str) -> list[Finding]:
    with engine.connect() as connection:
        schema = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
        actual = _read(connection, schema)
        connection.rollback()
        connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
        connection.exec_driver_sql(f"SET LOCAL search_path = {SCHEMA}")
        migrations.upgrade(connection, revision)
        expected = _read(connection, schema)
        connection.rollback()
    tables = {table for _, table, _ in expected}
    keys = {key for key in actual.keys() | expected.keys() if key in expected or key[1] in tables - {""}}
    order = list(KINDS)
    return [
        _difference(key, actual.get(key), expected.get(key))
        for key in sorted(keys, key=lambda key: (order.index(key[0]), key))
        if actual.get(key) != expected.get(key) and not _is_left_alone(key, actual, expected)
    ]


def _read(connection: Connection, schema: str) -> dict[Key, str]:
    rows = connection.execute(DEFINITIONS, {"schema": schema})
    return {(kind, table, name): definition or "" for kind, table, name, definition in rows}


def _is_left_alone(key: Key, actual: Mapping[Key, str], expected: Mapping[Key, str]) -> bool:
    """A stricter constraint is the owner's decision; a missing table is Alembic's finding."""
    return (key[0] == "constraint" and key not in expected) or (key[1] != "" and ("storage", key[1], "") not in actual)


def _difference(key: Key, has: str | None, wanted: str | None) -> Finding:
    kind, table, name = key
    why, drop, create = KINDS[kind]
    subject = f"{kind} {name}".strip() + (f" of {table}" if table else "")
    if has is None:
        state, what = "missing", f"there is no {subject}"
    elif wanted is None:
        state, what = "unknown", f"no migration made {subject}: {has}"
    else:
        state, what = "differs", f"{subject} is not what the migrations made"
        if kind != "function":
            what += f": it is ({has}) and should be ({wanted})"
    names = {"table": table, "name": name, "definition": (wanted or "").strip()}
    names["options"] = ", ".join(option.partition("=")[0] for option in (has or "").split(", "))
    if kind == "index":
        names["definition"] = names["definition"].replace("INDEX ", "INDEX CONCURRENTLY ", 1)
    repair = [drop.format(**names)] if has else []
    repair += [create.format(**names)] if wanted else []
    where = f"table {table}" if table else "database"
    return Finding(check=f"{kind}_{state}", what=what, where=where, why=why, repair=tuple(filter(None, repair)))


def _tables(engine: Engine) -> list[Finding]:
    """Return the tables and columns in which the models and the database differ, with Alembic's own SQL."""

    def include(_: Any, name: str | None, kind: str, reflected: bool, __: Any) -> bool:
        return kind == "column" or (kind == "table" and (not reflected or name in Base.metadata.tables))

    options = {"compare_type": True, "compare_server_default": True, "include_object": include}
    with engine.connect() as connection, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of options that reflection does not know
        context = MigrationContext.configure(connection, opts=options)
        upgrade = produce_migrations(context, Base.metadata).upgrade_ops
    found = upgrade.ops if upgrade else []
    return [_table_finding(op) for one in found for op in (one.ops if isinstance(one, ops.ModifyTableOps) else [one])]


def _table_finding(op: Any) -> Finding:
    table = op.table_name
    repair: tuple[str, ...] = ()
    match op:
        case ops.CreateTableOp():
            check, what = "table_missing", f"there is no table {table}; its data is lost: restore it"
        case ops.AddColumnOp():
            check, what, repair = "column_missing", f"{table} has no column {op.column.name}", _sql(op)
        case ops.DropColumnOp():
            check, what = "column_unknown", f"{table} has a column {op.column_name} that no model has"
        case ops.AlterColumnOp():
            check, what, repair = "column_differs", f"{table}.{op.column_name} differs from the model", _sql(op)
        case _:
            check, what = "models_differ", f"{table} differs from the model: {op.to_diff_tuple()}"
    why = "statements made from the models fail, or the code and the database disagree on what a column may hold"
    return Finding(check=check, what=what, where=f"table {table}", why=why, repair=repair)


def _sql(op: Any) -> tuple[str, ...]:
    written = StringIO()
    options = {"as_sql": True, "output_buffer": written, "target_metadata": Base.metadata}
    Operations(MigrationContext.configure(dialect_name="postgresql", opts=options)).invoke(op)
    return tuple(f"{one.strip()};" for one in written.getvalue().split(";\n") if one.strip())
