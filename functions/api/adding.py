"""Add records, one or many, and report the result of every row: the same for every resource.

An existing record is left as it is, but takes the label of the row if it has none. ``Selected`` makes a new record
Queued at once.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import BaseModel, Field
from sqlalchemy import Connection, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from api.dependencies import caller_of, dependencies_of, tenant_of
from api.idempotency import write_once
from api.problem import invalid, refused
from api.resource import Resource, View
from api.rows import Known, NewRecord, RowRefused
from scrapersky.database import after_commit
from scrapersky.errors import shorten
from scrapersky.models.inserts import ROWS_PER_STATEMENT
from scrapersky.runtime.labels import open_labels
from scrapersky.status.sql import SET_ACTOR
from scrapersky.vocabulary import Curation, RecordId, Status

TAKE_LABEL = """
-- Lock the records in ascending order.
WITH locked AS MATERIALIZED (
    SELECT id, given FROM unnest(CAST(:ids AS bigint[]), CAST(:labels AS text[])) AS labels (record_id, given)
    JOIN {table} ON id = record_id WHERE label IS NULL ORDER BY id FOR NO KEY UPDATE OF {table}
)
UPDATE {table} SET label = given FROM locked WHERE {table}.id = locked.id
"""
TOOK_LABEL = "it already exists and was not changed, but has the label now"

RowResult = Literal["created", "queued", "exists", "duplicate", "refused"]
Key = tuple[Any, ...]


def is_none(value: object) -> bool:
    """Return whether a field of an answer is left out."""
    return value is None


class AddedRow(BaseModel):
    """The result of one row: ``created`` or ``queued``; it ``exists``; ``duplicate`` of an earlier row; ``refused``."""

    row: int = Field(description="its number, from 1; in a CSV file its line")
    given: str
    result: RowResult
    domain: str | None = Field(None, description="of a domain: as it is stored", exclude_if=is_none)
    url: str | None = Field(None, description="of a sitemap file or page: as it is stored", exclude_if=is_none)
    id: int | None = Field(None, exclude_if=is_none)
    why: str | None = Field(None, exclude_if=is_none)


class Added(BaseModel):
    """The result of each row."""

    results: list[AddedRow]
    counts: dict[RowResult, int]


def add_records(
    router: Router,
    resource: Resource[View],
    rows: Sequence[NewRecord],
    *,
    numbers: Sequence[int] | None = None,
    reason: str = "added",
    alone: bool = False,
    dry_run: bool = False,
) -> Added:
    """Add ``rows`` in one transaction and once; ``numbers`` are their lines in a file, by default 1, 2, ….

    In a bulk request a refused row is a result; ``alone``, the row is the whole request, which is then a 409. A dry run
    reports what it would add. Raises a 422 for more rows than ``API_BULK_MAX``.
    """
    settings, actor, tenant = dependencies_of(router).settings, caller_of(router), tenant_of(router)
    if len(rows) > settings.api_bulk_max:
        count, cap = len(rows), settings.api_bulk_max
        raise invalid(resource.name, f"{count} rows are too many for one request; at most {cap} are allowed")

    def work(connection: Connection) -> Added:
        connection.execute(text(SET_ACTOR), {"actor": actor, "reason": reason})
        known = Known.read(connection, rows, settings.ports, tenant)
        numbered = zip(numbers or range(1, len(rows) + 1), rows, strict=True)
        added = _add(connection, resource, [_checked(number, row, known) for number, row in numbered], tenant, dry_run)
        workflow = resource.curation["curation_status"]
        if workflow and not dry_run:
            queued = {row.id: None for row in added.results if row.result == "queued"}
            observer = dependencies_of(router).observer
            report = partial(observer.moved, workflow.name, queued, Status.QUEUED, outcome="added", actor=actor)
            after_commit(connection, report)
        if alone and added.results[0].result == "refused":
            raise refused("body", added.results[0].why or "refused")
        return added

    if dry_run:
        with dependencies_of(router).database.transaction() as connection:
            return work(connection)
    return write_once(router, Added, work)


@dataclass(frozen=True)
class _Row:
    """A row with its record's columns and its result so far."""

    curation_status: Curation
    label: str | None
    columns: Mapping[str, Any]
    result: AddedRow


def _checked(number: int, row: NewRecord, known: Known) -> _Row:
    result = AddedRow(row=number, given=shorten(row.given()), result="created")
    columns: Mapping[str, Any] = {}
    try:
        columns = row.columns(known)
        result.domain, result.url = columns.get("domain"), columns.get("url")
    except RowRefused as refused:
        result.result, result.why = "refused", str(refused)
    return _Row(row.curation_status, row.label, columns, result)


def _add(
    connection: Connection, resource: Resource[View], rows: Sequence[_Row], tenant: str | None, dry_run: bool
) -> Added:
    """Insert the first row of each key, in the order of the keys: else concurrent requests could deadlock."""
    first: dict[Key, _Row] = {}
    duplicates = []
    for row in rows:
        if row.result.result != "refused":
            earlier = first.setdefault(tuple(row.columns[name] for name in resource.key), row)
            duplicates += [(row.result, earlier.result)] if earlier is not row else []
    keys = sorted(first)
    for start in range(0, len(keys), ROWS_PER_STATEMENT):
        part = {key: first[key] for key in keys[start : start + ROWS_PER_STATEMENT]}
        _insert(connection, resource, part, tenant, dry_run)
    for result, same in duplicates:
        result.result, result.why, result.id = "duplicate", f"the same as row {same.row}", same.id
    results = [row.result for row in rows]
    return Added(results=results, counts=dict(Counter(one.result for one in results)))


def _insert(
    connection: Connection, resource: Resource[View], rows: Mapping[Key, _Row], tenant: str | None, dry_run: bool
) -> None:
    """Insert the records that do not exist yet, unless this is a dry run, and complete the results."""
    model, key = resource.model, [getattr(resource.model, name) for name in resource.key]
    created: set[RecordId] = set()
    if not dry_run:
        records = [_record(resource, row) for row in rows.values()]
        statement = insert(model).values(records).on_conflict_do_nothing(index_elements=list(resource.key))
        created = set(connection.execute(statement.returning(model.id)).scalars())
    for row in rows.values() if resource.curation["curation_status"] else ():
        row.result.result = "queued" if row.curation_status == Curation.SELECTED else "created"
    unlabelled: dict[RecordId, str] = {}
    opened: list[tuple[str, str]] = []
    columns = select(model.id, model.label, model.tenant, *key)
    for record_id, label, owner, *values in connection.execute(columns.where(tuple_(*key).in_(rows))):
        row = rows[tuple(values)]
        if tenant is not None and owner != tenant:
            row.result.result, row.result.why = "refused", "it is not available to this tenant"
            continue
        row.result.id = record_id
        if row.label and (record_id in created or not label):
            opened.append((owner, row.label))
        if record_id not in created:
            row.result.result, row.result.why = "exists", _why(row.label, label)
            if row.label and not label:
                unlabelled[record_id] = row.label
    if not dry_run:
        _label(connection, resource, unlabelled, opened)


def _label(
    connection: Connection,
    resource: Resource[View],
    unlabelled: Mapping[RecordId, str],
    opened: Sequence[tuple[str, str]],
) -> None:
    """Give existing records their label, and note that records came in with labels."""
    if unlabelled:
        labels = {"ids": list(unlabelled), "labels": list(unlabelled.values())}
        connection.execute(text(TAKE_LABEL.format(table=resource.name)), labels)
    open_labels(connection, resource.name, opened)


def _record(resource: Resource[View], row: _Row) -> dict[str, Any]:
    """Return the columns to insert, without those that the database computes."""
    stored = resource.model.__table__.columns
    record = {name: value for name, value in row.columns.items() if stored[name].computed is None}
    workflow = resource.curation["curation_status"]
    if workflow:
        record[workflow.field] = Status.QUEUED if row.curation_status == Curation.SELECTED else Status.NEW
    return {**record, "curation_status": row.curation_status, "label": row.label}


def _why(given: str | None, stored: str | None) -> str:
    if not given or given == stored:
        return "it already exists and was not changed"
    return f"it already exists with the label {stored!r} and was not changed" if stored else TOOK_LABEL
