"""Adds records, one or many, and tells of every row what became of it: the same for every resource.

A record that is there already is left as it is, whoever made it. ``Selected`` makes a new record Queued at once.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import BaseModel, Field
from sqlalchemy import Connection, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from api.curation_table import CurationField
from api.problem import invalid
from api.wiring import caller_of, wiring_of
from api.writing import write
from scrapersky.models.vocabulary import Curation, Status
from scrapersky.runtime.input_model import InputModel
from scrapersky.status.sql import SET_ACTOR

RowResult = Literal["created", "queued", "exists", "duplicate", "refused"]

SHOWN_CHARACTERS = 200
ROWS_PER_STATEMENT = 1_000
"""Postgres takes 65,535 parameters in one statement."""


class NewRecord(InputModel):
    """A record to add."""

    curation_status: Curation = Field(Curation.NEW, description="Selected queues its workflow at once")


R = TypeVar("R", bound=NewRecord)
T = TypeVar("T")


class AddedRow(BaseModel):
    """What became of one row: ``created`` or ``queued``; ``exists`` already; ``duplicate`` of an earlier row; ``refused``."""

    row: int = Field(description="its number, from 1; of a CSV file its line")
    given: str
    result: RowResult
    domain: str | None = Field(None, description="of a domain: as it is stored")
    url: str | None = Field(None, description="of a sitemap file or page: as it is stored")
    id: int | None = None
    why: str | None = None


class Added(BaseModel):
    """What became of each row."""

    results: list[AddedRow]
    counts: dict[RowResult, int]


class RowRefused(ValueError):
    """A row becomes no record; the message names the field, what was given, and what would be right."""


@dataclass(frozen=True)
class Candidate:
    """A row as it was given, and the record that it would be: none, where ``refused`` says why."""

    number: int
    given: str
    curation_status: Curation = Curation.NEW
    columns: Mapping[str, Any] = field(default_factory=dict)
    refused: str | None = None


def candidates(
    rows: Sequence[R], *, given: Callable[[R], str], columns: Callable[[R], Mapping[str, Any]]
) -> list[Candidate]:
    """The rows with the ``columns`` that can be made of them; where that raises :class:`RowRefused`, with its reason."""
    found = []
    for number, row in enumerate(rows, 1):
        try:
            found.append(Candidate(number, given(row), row.curation_status, columns(row)))
        except RowRefused as refused:
            found.append(Candidate(number, given(row), refused=str(refused)))
    return found


def answer(
    router: Router,
    name: str,
    rows: Sequence[T],
    add: Callable[[Connection, Sequence[T]], Added],
    reason: str = "added",
    *,
    alone: bool = False,
) -> Added:
    """Answers a request to add ``rows``, its field ``name``: carried out by ``add`` in one transaction, and once.

    Among many, a refused row is an answer; ``alone``, it is the whole request, which is a 422 then.
    """
    cap = wiring_of(router).settings.api_bulk_max
    if len(rows) > cap:
        raise invalid(name, f"{len(rows)} rows are too many at once; at most {cap} are right")
    actor = caller_of(router)

    def work(connection: Connection) -> Added:
        connection.execute(text(SET_ACTOR), {"actor": actor, "reason": reason})
        added = add(connection, rows)
        first = added.results[0]
        if alone and first.result == "refused":
            raise invalid("body", first.why or "refused")
        return added

    return write(router, Added, work)


def add(connection: Connection, field: CurationField, key: Sequence[str], rows: Sequence[Candidate]) -> Added:
    """Adds records told apart by the columns ``key``, in the key's order, within the caller's transaction."""

    def key_of(one: Candidate) -> tuple[Any, ...]:
        return tuple(one.columns[name] for name in key)

    first: dict[tuple[Any, ...], Candidate] = {}
    for one in rows:
        if one.refused is None:
            first.setdefault(key_of(one), one)
    wanted = sorted(first)
    created: set[int] = set()
    ids: dict[tuple[Any, ...], int] = {}
    for start in range(0, len(wanted), ROWS_PER_STATEMENT):
        some = wanted[start : start + ROWS_PER_STATEMENT]
        created |= _insert(connection, field, key, [first[one] for one in some])
        ids |= _ids(connection, field, key, some)

    def told(one: Candidate) -> AddedRow:
        columns, earlier, record_id = one.columns, first[key_of(one)], ids[key_of(one)]
        row = AddedRow(row=one.number, given=_shown(one.given), result="created", id=record_id)
        row.domain, row.url = columns.get("domain"), columns.get("url")
        if earlier is not one:
            row.result, row.why = "duplicate", f"the same as row {earlier.number}"
        elif record_id not in created:
            row.result, row.why = "exists", "it was there before, and is left as it is"
        elif field.workflow and _status(one) == Status.QUEUED:
            row.result = "queued"
        return row

    results = [_refused(one) if one.refused else told(one) for one in rows]
    return Added(results=results, counts=dict(Counter(one.result for one in results)))


def _refused(one: Candidate) -> AddedRow:
    return AddedRow(row=one.number, given=_shown(one.given), result="refused", why=one.refused)


def _insert(connection: Connection, field: CurationField, key: Sequence[str], rows: Sequence[Candidate]) -> set[int]:
    """The ids of those that were not there."""
    records = []
    for one in rows:
        decision: Curation = one.curation_status
        record: dict[str, Any] = {**one.columns, field.name: decision}
        if field.workflow:
            record[field.workflow.field] = _status(one)
        records.append(record)
    model = field.model
    statement = insert(model).values(records).on_conflict_do_nothing(index_elements=list(key)).returning(model.id)
    return set(connection.execute(statement).scalars())


def _status(one: Candidate) -> Status:
    return Status.QUEUED if one.curation_status == Curation.SELECTED else Status.NEW


def _ids(
    connection: Connection, field: CurationField, key: Sequence[str], wanted: Sequence[tuple[Any, ...]]
) -> dict[tuple[Any, ...], int]:
    columns = [getattr(field.model, name) for name in key]
    known = select(field.model.id, *columns).where(tuple_(*columns).in_(wanted))
    return {tuple(row[1:]): row.id for row in connection.execute(known)}


def _shown(given: str) -> str:
    return given if len(given) <= SHOWN_CHARACTERS else given[: SHOWN_CHARACTERS - 1] + "…"
