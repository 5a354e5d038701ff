"""Differences: what the database has otherwise than its own migrations make it, and the DDL that mends each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from scripts.commands.scrapersky.doctor.catalog import Catalog, Row
from scripts.commands.scrapersky.doctor.finding import Finding

OURS_BY_ALEMBIC = "alembic_version"


def differences(actual: Catalog, reference: Catalog) -> Iterator[Finding]:
    """Every difference in our own tables and functions. Other tables and functions are nobody's business here."""
    missing = sorted(reference.tables.keys() - actual.tables.keys())
    for table in missing:
        yield Finding(
            check="table_missing",
            what=f"there is no table {table}",
            where=f"schema {actual.schema}",
            why="services and routers that use it fail; its data is gone, so it is restored and not made anew",
        )
    present = reference.tables.keys() & actual.tables.keys() - {OURS_BY_ALEMBIC}
    for part in (_storage, _columns, _constraints, _indexes):
        yield from part(actual, reference, sorted(present))
    yield from _functions(actual, reference)  # before the triggers that call them
    yield from _triggers(actual, reference, sorted(present))


def _storage(actual: Catalog, reference: Catalog, tables: Iterable[str]) -> Iterator[Finding]:
    for table in tables:
        has, wanted = (set(catalog.tables[table]["options"]) for catalog in (actual, reference))
        if has == wanted:
            continue
        names = sorted({option.split("=")[0] for option in has} - {option.split("=")[0] for option in wanted})
        yield Finding(
            check="storage_differs",
            what=f"{table} is stored with {_listed(has)}, and should be with {_listed(wanted)}",
            where=f"table {table}",
            why="without room on each page a status change rewrites every index; without an early vacuum claims slow down",
            mend=(
                *([f"ALTER TABLE {table} SET ({', '.join(sorted(wanted - has))});"] if wanted - has else []),
                *([f"ALTER TABLE {table} RESET ({', '.join(names)});"] if names else []),
            ),
        )


def _columns(actual: Catalog, reference: Catalog, tables: Iterable[str]) -> Iterator[Finding]:
    for (table, name), wanted, has in _pairs(actual.columns, reference.columns, tables):
        where = f"table {table}, column {name}"
        if wanted is None:
            yield Finding(
                check="column_unknown",
                what=f"{table} has a column {name} that no migration made",
                where=where,
                why="the models do not know it, so nothing of ours fills it; write a migration for it, or drop it",
            )
        elif has is None:
            yield Finding(
                check="column_missing",
                what=f"{table} has no column {name}",
                where=where,
                why="every statement that names it fails",
                mend=(f"ALTER TABLE {table} ADD COLUMN {name} {_column(wanted)};",),
            )
        elif mends := tuple(_column_changes(table, name, has, wanted)):
            yield Finding(
                check="column_differs",
                what=f"{table}.{name} is {_column(has)}, and should be {_column(wanted)}",
                where=where,
                why="Python and the database disagree about what it may hold",
                mend=mends,
            )
        elif has["statistics"] != wanted["statistics"] or (has["counted"] and wanted["statistics"] == 0):
            yield Finding(
                check="statistics_differ",
                what=f"the planner goes by a count of {table}.{name} (statistics target {has['statistics']}; it should be"
                f" {wanted['statistics']})",
                where=where,
                why="how much is queued changes a thousandfold between two ANALYZEs: a claim planned by the count of an"
                " hour ago may read the whole table",
                mend=(
                    f"ALTER TABLE {table} ALTER COLUMN {name} SET STATISTICS {wanted['statistics']};",
                    _forget(actual, table, name),
                ),
            )


def _constraints(actual: Catalog, reference: Catalog, tables: Iterable[str]) -> Iterator[Finding]:
    for (table, name), wanted, has in _pairs(actual.constraints, reference.constraints, tables):
        where = f"table {table}, constraint {name}"
        if wanted is None:
            continue  # a stricter rule of somebody else's is theirs
        add = f"ALTER TABLE {table} ADD CONSTRAINT {name} {wanted['definition']}"
        checked = wanted["kind"] in "cf"
        addition = (
            (f"{add} NOT VALID;", f"ALTER TABLE {table} VALIDATE CONSTRAINT {name};") if checked else (f"{add};",)
        )
        if has is None:
            yield Finding(
                check="constraint_missing",
                what=f"{table} has no constraint {name}: {wanted['definition']}",
                where=where,
                why="rows that break it can be written, and nothing of ours expects them",
                mend=addition,
            )
        elif has["definition"] != wanted["definition"]:
            yield Finding(
                check="constraint_differs",
                what=f"{name} says {has['definition']}, and should say {wanted['definition']}",
                where=where,
                why="rows that break it can be written, or right ones are refused",
                mend=(f"ALTER TABLE {table} DROP CONSTRAINT {name};", *addition),
            )
        elif not has["valid"]:
            yield Finding(
                check="constraint_not_validated",
                what=f"{name} was never checked against the rows that were there before it",
                where=where,
                why="some may break it",
                mend=(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name};",),
            )


def _indexes(actual: Catalog, reference: Catalog, tables: Iterable[str]) -> Iterator[Finding]:
    for (table, name), wanted, has in _pairs(actual.indexes, reference.indexes, tables):
        where = f"table {table}, index {name}"
        if has is not None and not has["valid"]:
            yield Finding(
                check="index_invalid",
                what=f"index {name} is invalid: its making was interrupted",
                where=where,
                why="it is kept up to date and never used, or does not enforce what it should",
                mend=(f"REINDEX INDEX CONCURRENTLY {name};",),
            )
        elif wanted is None and has is not None and not has["of_a_constraint"]:
            yield Finding(
                check="index_unknown",
                what=f"{table} has an index that no migration made: {has['definition']}",
                where=where,
                why="each status change that touches its columns or its predicate cannot be a heap-only update any more;"
                " write a migration for it if it is worth that",
                mend=(f"DROP INDEX CONCURRENTLY {name};",),
            )
        elif wanted is not None and wanted["of_a_constraint"]:
            continue
        elif wanted is not None and has is None:
            yield Finding(
                check="index_missing",
                what=f"{table} has no index {name}",
                where=where,
                why="a tick or an operator's command that relies on it reads the whole table"
                + (", and one record may have two live attempts" if "UNIQUE" in wanted["definition"] else ""),
                mend=(_concurrently(wanted),),
            )
        elif wanted is not None and has is not None and has["definition"] != wanted["definition"]:
            yield Finding(
                check="index_differs",
                what=f"{has['definition']}, and should be {wanted['definition']}",
                where=where,
                why="the planner cannot use it for what it is there for",
                mend=(f"DROP INDEX CONCURRENTLY {name};", _concurrently(wanted)),
            )


def _triggers(actual: Catalog, reference: Catalog, tables: Iterable[str]) -> Iterator[Finding]:
    why = "illegal transitions are not refused, or legal ones leave no trace"
    for (table, name), wanted, has in _pairs(actual.triggers, reference.triggers, tables):
        where = f"table {table}, trigger {name}"
        if wanted is None:
            continue  # somebody else's business; ours come first or last by name, and check what is there by then
        if has is None:
            yield Finding(
                check="trigger_missing",
                what=f"{table} has no trigger {name}",
                where=where,
                why=why,
                mend=(f"{wanted['definition']};",),
            )
        elif has["definition"] != wanted["definition"]:
            yield Finding(
                check="trigger_differs",
                what=f"{has['definition']}, and should be {wanted['definition']}",
                where=where,
                why=why,
                mend=(f"DROP TRIGGER {name} ON {table};", f"{wanted['definition']};"),
            )
        elif has["enabled"] != wanted["enabled"]:
            yield Finding(
                check="trigger_disabled",
                what=f"trigger {name} is {'off' if has['enabled'] == 'D' else 'on for replication only'}",
                where=where,
                why=why,
                mend=(f"ALTER TABLE {table} ENABLE TRIGGER {name};",),
            )


def _functions(actual: Catalog, reference: Catalog) -> Iterator[Finding]:
    for name, wanted in sorted(reference.functions.items()):
        has = actual.functions.get(name)
        if has == wanted:
            continue
        state = "is not what the migrations made" if has else "is not there"
        yield Finding(
            check="function_differs" if has else "function_missing",
            what=f"function {name} {state}",
            where=f"function {name}({wanted['arguments']})",
            why="the database guards and audits statuses otherwise than the code and the documents say",
            mend=(f"{wanted['definition'].strip()};",),
        )


def _pairs(
    actual: Mapping[tuple[str, str], Row], reference: Mapping[tuple[str, str], Row], tables: Iterable[str]
) -> Iterator[tuple[tuple[str, str], Row | None, Row | None]]:
    """(key, wanted, has) of everything in ``tables`` that either side has."""
    for key in sorted(key for key in actual.keys() | reference.keys() if key[0] in set(tables)):
        yield key, reference.get(key), actual.get(key)


def _column(row: Row) -> str:
    identity = {"a": " GENERATED ALWAYS AS IDENTITY", "d": " GENERATED BY DEFAULT AS IDENTITY"}.get(row["identity"], "")
    standard = f" DEFAULT {row['standard']}" if row["standard"] else ""
    return f"{row['type']}{identity}{standard}{' NOT NULL' if row['not_null'] else ''}"


def _column_changes(table: str, name: str, has: Row, wanted: Row) -> Iterator[str]:
    change = f"ALTER TABLE {table} ALTER COLUMN {name}"
    if has["type"] != wanted["type"]:
        yield f"{change} TYPE {wanted['type']} USING {name}::{wanted['type']};"
    if has["standard"] != wanted["standard"]:
        yield f"{change} SET DEFAULT {wanted['standard']};" if wanted["standard"] else f"{change} DROP DEFAULT;"
    if has["not_null"] != wanted["not_null"]:
        yield f"{change} {'SET' if wanted['not_null'] else 'DROP'} NOT NULL;"


def _forget(actual: Catalog, table: str, name: str) -> str:
    """ANALYZE leaves out such a column, and leaves what it once counted there for ever."""
    if actual.version >= 180000:
        return f"SELECT pg_clear_attribute_stats('{actual.schema}', '{table}', '{name}', false);"
    return (
        f"DELETE FROM pg_statistic WHERE starelid = '{table}'::regclass AND staattnum = (SELECT attnum FROM pg_attribute"
        f" WHERE attrelid = '{table}'::regclass AND attname = '{name}');"
    )


def _concurrently(index: Row) -> str:
    return f"{index['definition'].replace('INDEX ', 'INDEX CONCURRENTLY ', 1)};"


def _listed(options: Iterable[str]) -> str:
    return ", ".join(sorted(options)) or "the defaults"
