"""Storage parameters and statistics targets in the catalog match the models. Alembic compares neither."""

import pytest
from sqlalchemy import Connection, text

from scrapersky.models import Base
from scrapersky.models.base import AUTOVACUUM, UNCOUNTED, WATCHED_STORAGE
from scrapersky.runtime.registry import WORKFLOWS

TABLES = Base.metadata.tables


@pytest.mark.parametrize("table", TABLES)
def test_the_storage_parameters_of_a_table_match_its_model(connection: Connection, table: str) -> None:
    stored = connection.execute(
        text("SELECT coalesce(reloptions, '{}') FROM pg_class WHERE oid = CAST(:table AS regclass)"), {"table": table}
    ).scalar_one()
    wanted = TABLES[table].dialect_options["postgresql"]["with"] or {}
    assert dict(option.split("=") for option in stored) == wanted


def test_watched_tables_have_a_fillfactor_and_early_autovacuum() -> None:
    for table in {workflow.table for workflow in WORKFLOWS.values()}:
        assert TABLES[table].dialect_options["postgresql"]["with"] == WATCHED_STORAGE
    assert TABLES["attempts"].dialect_options["postgresql"]["with"] == {"fillfactor": "80", **AUTOVACUUM}


def test_due_times_and_ends_of_attempts_have_no_statistics(connection: Connection) -> None:
    wanted = {
        (table.name, column.name) for table in TABLES.values() for column in table.columns if column.info == UNCOUNTED
    }
    stored = connection.execute(
        text(
            "SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
            " WHERE attstattarget = 0 AND attnum > 0 AND relnamespace = CAST('public' AS regnamespace)"
        )
    )
    assert {tuple(row) for row in stored} == wanted
    due = {(workflow.table, workflow.companion("due_at")) for workflow in WORKFLOWS.values()}
    assert wanted == due | {("attempts", "finished_at")}


def test_no_index_contains_a_status_or_a_lease(connection: Connection) -> None:
    changing = {"lease_until", "started_at", "updated_at"} | {workflow.field for workflow in WORKFLOWS.values()}
    changing |= {workflow.companion("failures") for workflow in WORKFLOWS.values()}
    rows = connection.execute(
        text(
            "SELECT attname, indexrelid::regclass::text AS index FROM pg_index"
            " JOIN pg_depend ON classid = 'pg_class'::regclass AND objid = indexrelid AND refobjid = indrelid"
            " JOIN pg_attribute ON attrelid = indrelid AND attnum = refobjsubid"
            " WHERE indrelid::regclass::text = ANY(:tables)"
        ),
        {"tables": [*{workflow.table for workflow in WORKFLOWS.values()}, "attempts"]},
    ).all()
    assert {row.index for row in rows} >= {"ix_domains_due", "uq_attempts_one_live"}
    assert [(row.index, row.attname) for row in rows if row.attname in changing] == []
