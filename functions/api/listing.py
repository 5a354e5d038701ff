"""List records, one page at a time, and read a single record."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Connection, func, inspect, literal, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from api.dependencies import check_parameters, dependencies_of, own
from api.late_commits import open_writers, read_page, wait
from api.problem import Problem, invalid, refused
from api.resource import Paging, Resource, View
from scrapersky.lists.filters import Conditions, conditions
from scrapersky.runtime.input_model import MAX_ID

V = TypeVar("V", bound=View)
RecordIdInPath = Annotated[int, Path(ge=1, le=MAX_ID, description="the record's id")]

LOOKED_AT = 50_000
"""Records that one page looks at for conditions that no index serves. The page may be short, and ``next`` continues."""

COUNTED = 10_000
BUSY = "records are being added in a long transaction; send the request again, or order by id"


class Listing(BaseModel, Generic[V]):
    """One page of records."""

    items: list[V]
    next: str | None = Field(description="send it as 'cursor' to get the next page; null on the last page")
    count: int | None = Field(
        None,
        description="with count=true: the records that match, at most 10,000",
        exclude_if=lambda value: value is None,
    )


class Position(NamedTuple):
    """Where a page by a column starts: records up to the id ``bound`` are listed, those after ``value`` and ``id`` are left.

    ``value`` is null for the records without one, which are listed last.
    """

    bound: int
    value: Any
    id: int


def list_records(router: Router, resource: Resource[V], query: Paging) -> Listing[V]:
    """Return one page of the records that match ``query``.

    Raises a 422 for an unknown parameter: if it were ignored, the listing would return every record.
    """
    check_parameters(router, type(query))
    return read_listing(router, resource, query)


def read_listing(router: Router, resource: Resource[V], query: Paging) -> Listing[V]:
    """Return one page of the records that match ``query``.

    Pages by keyset, not by offset: every page costs the same. Records added, deleted or committed meanwhile neither hide
    nor repeat others.
    """
    dependencies = dependencies_of(router)
    cursor = _cursor_of(query, resource.name)
    with dependencies.database.transaction() as connection:
        wanted = conditions(connection, resource.model, query)
        wanted.indexed.extend(own(router, resource.model))
        reader = Reader(connection, resource, query, wanted)
        rows, position = reader.read(cursor, dependencies.settings.api_listing_wait_seconds)
        count = reader.count() if query.count else None
    items = [resource.view.model_validate(row) for row in rows]
    following = None if position is None else f"{resource.name}.{position}"
    return Listing[resource.view](items=items, next=following, count=count)  # type: ignore[name-defined]


class Reader:
    """Reads one page of the records of ``resource`` that meet ``wanted``."""

    def __init__(self, connection: Connection, resource: Resource[View], query: Paging, wanted: Conditions) -> None:
        self._connection = connection
        self._resource = resource
        self._limit = query.limit
        self._wanted = wanted
        self._id = resource.model.id
        self._descending = query.order.startswith("-")
        self._order = query.order.removeprefix("-")
        self._rows = select(*_columns(resource)).where(*wanted.all)

    def read(self, cursor: str | None, seconds: float) -> tuple[Sequence[Any], str | int | None]:
        """Return the rows after ``cursor``, and the cursor of the next page. Raises a 503 while records are being added."""
        if self._order != "id":
            return self._by_column(cursor, seconds)
        start = None if cursor is None else int(cursor)

        def read(bound: int) -> tuple[Sequence[Any], int | None]:
            after = self._id < bound if self._descending else (self._id > (start or 0)) & (self._id <= bound)
            rows, end = self._part([after], [self._id])
            return rows, None if end is None else end[0]

        return read_page(self._connection, self._resource.name, read, start, seconds, newest_first=self._descending)

    def count(self) -> int:
        """Return the number of records that match, at most :data:`COUNTED`."""
        found = select(literal(1)).select_from(self._resource.model).where(*self._wanted.all).limit(COUNTED)
        return int(self._connection.execute(select(func.count()).select_from(found.subquery())).scalar_one())

    def _by_column(self, cursor: str | None, seconds: float) -> tuple[Sequence[Any], str | None]:
        """Read by column and id. Records that are added after the first page are not part of the listing."""
        column = getattr(self._resource.model, self._order)
        if cursor is None:
            bound, writers = open_writers(self._connection, self._resource.name)
            if wait(self._connection, writers, seconds):
                raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, BUSY)
            position = Position(bound, None, 0)
        else:
            position = _decoded(cursor, column)
        rows: Sequence[Any] = []
        end: tuple[Any, ...] | None = None
        if cursor is None or position.value is not None:
            after = self._after([column, self._id], [position.value, position.id]) if cursor else None
            parts = [column.is_not(None), self._id <= position.bound, *([] if after is None else [after])]
            rows, end = self._part(parts, [column, self._id])
        if end is None and column.nullable and len(rows) == self._limit:
            end = (None, 0)  # those without a value are still left
        elif end is None and column.nullable:
            after = self._after([self._id], [position.id]) if position.value is None and position.id else None
            parts = [column.is_(None), self._id <= position.bound, *([] if after is None else [after])]
            more, last = self._part(parts, [self._id], self._limit - len(rows))
            rows, end = [*rows, *more], None if last is None else (None, last[0])
        return rows, None if end is None else _encoded(Position(position.bound, *end))

    def _after(self, key: list[Any], values: list[Any]) -> ColumnElement[bool]:
        given = tuple_(*(literal(value, column.type) for column, value in zip(key, values, strict=True)))
        return tuple_(*key) < given if self._descending else tuple_(*key) > given

    def _part(
        self, parts: list[ColumnElement[bool]], key: list[Any], limit: int | None = None
    ) -> tuple[Sequence[Any], tuple[Any, ...] | None]:
        """Return at most ``limit`` rows that meet ``parts`` in the order of ``key``, and the key at which the page ends.

        The key is None if there are no more. No more than :data:`LOOKED_AT` records are looked at.
        """
        limit = self._limit if limit is None else limit
        order = [column.desc() if self._descending else column for column in key]
        window = None
        if self._wanted.others:
            looked_at = select(*key).where(*self._wanted.indexed, *parts).order_by(*order)
            window = self._connection.execute(looked_at.offset(LOOKED_AT - 1).limit(1)).first()
        if window is not None:
            last = tuple_(*(literal(value, column.type) for column, value in zip(key, window, strict=True)))
            parts = [*parts, tuple_(*key) >= last if self._descending else tuple_(*key) <= last]
        found = self._rows.where(*parts)
        if self._wanted.few:  # by itself the planner may read the whole order instead
            few = found.cte("few").prefix_with("MATERIALIZED")
            found = select(few)
            order = [few.c[column.key].desc() if self._descending else few.c[column.key] for column in key]
        rows = self._connection.execute(found.order_by(*order).limit(limit + 1)).all()
        if len(rows) > limit:
            end = tuple(getattr(rows[limit - 1], column.key) for column in key)
            return rows[:limit], end
        return rows, None if window is None else tuple(window)


def read_record(router: Router, resource: Resource[V], record_id: int) -> V:
    """Return the record ``record_id``. Raises a 404."""
    statement = select(*_columns(resource)).where(resource.model.id == record_id, *own(router, resource.model))
    with dependencies_of(router).database.autocommit() as connection:
        row = connection.execute(statement).one_or_none()
    if row is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"{resource.name} has no record {record_id}")
    return resource.view.model_validate(row)


def _columns(resource: Resource[View]) -> list[InstrumentedAttribute[object]]:
    mapped = inspect(resource.model).column_attrs
    return [getattr(resource.model, name) for name in resource.view.model_fields if name in mapped]


def cursor_pattern(table: str) -> str:
    """Return the pattern of the cursors of ``table``. Opaque to clients: their content may change."""
    return rf"^{table}\.[A-Za-z0-9_-]{{1,4000}}$"


def _cursor_of(query: Paging, table: str) -> str | None:
    """Return the cursor without its table. Raises a 422 for one that is not of ``table``, and a 409 for another order."""
    if query.cursor is None:
        return None
    if not re.fullmatch(cursor_pattern(table), query.cursor):
        raise invalid(
            "cursor", f"{query.cursor[:100]!r} is no cursor of this listing; send 'next' of the previous page"
        )
    cursor = query.cursor.removeprefix(f"{table}.")
    if query.order.endswith("id") and not re.fullmatch("[0-9]{1,18}", cursor):
        raise _of_another_order(cursor)
    return cursor


def _of_another_order(cursor: str) -> Problem:
    return refused("cursor", f"{cursor[:100]!r} is no cursor of this order; send 'next' with the order of its page")


def _encoded(position: Position) -> str:
    value = position.value.isoformat() if isinstance(position.value, datetime) else position.value
    return urlsafe_b64encode(json.dumps([position.bound, value, position.id]).encode()).decode().rstrip("=")


def _decoded(cursor: str, column: InstrumentedAttribute[Any]) -> Position:
    """Return the position that :func:`_encoded` wrote. Raises a 409 for any other text."""
    kind = column.type.python_type
    try:
        bound, value, record_id = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        value = datetime.fromisoformat(value) if kind is datetime and value is not None else value
        ids_are_valid = all(type(one) is int and 0 <= one <= MAX_ID for one in (bound, record_id))
        if ids_are_valid and isinstance(value, kind | None) and "\0" not in str(value).encode().decode():
            return Position(bound, value, record_id)
    except (ValueError, TypeError):
        pass
    raise _of_another_order(cursor)
