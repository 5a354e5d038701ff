"""List records by id, one page at a time, and read a single record."""

import base64
import binascii
import json
from http import HTTPStatus
from typing import Annotated, Generic, TypeVar

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import BaseModel, Field
from sqlalchemy import inspect, select
from sqlalchemy.orm import InstrumentedAttribute

from api.dependencies import dependencies_of, event_of
from api.problem import Problem, invalid
from api.resource import MAX_ID, Paging, Resource, View, conditions

V = TypeVar("V", bound=View)
RecordIdInPath = Annotated[int, Path(ge=1, le=MAX_ID, description="the record's id")]


class Listing(BaseModel, Generic[V]):
    """One page of records."""

    items: list[V]
    next: str | None = Field(description="send it as 'cursor' to get the next page; null on the last page")


def list_records(router: Router, resource: Resource[V], query: Paging) -> Listing[V]:
    """Return one page of the records that match ``query``, oldest id first.

    Pages by keyset, not by offset: every page costs the same, and records added or deleted meanwhile neither hide nor
    repeat others. Raises a 422 for an unknown parameter: if it were ignored, the listing would return every record.
    """
    known = type(query).model_fields
    for name in event_of(router).query_string_parameters:
        if name not in known:
            raise invalid(name, f"unknown parameter {name!r}; valid parameters: {', '.join(sorted(known))}")
    model = resource.model
    statement = (
        select(*_columns(resource)).where(*conditions(resource, query)).order_by(model.id).limit(query.limit + 1)
    )
    if query.cursor is not None:
        statement = statement.where(model.id > _id_before(query.cursor, resource.name))
    with dependencies_of(router).database.autocommit() as connection:
        rows = connection.execute(statement).all()
    items = [resource.view.model_validate(row) for row in rows[: query.limit]]
    after = _cursor_after(items[-1].id, resource.name) if len(rows) > query.limit else None
    return Listing[resource.view](items=items, next=after)  # type: ignore[name-defined]


def read_record(router: Router, resource: Resource[V], record_id: int) -> V:
    """Return the record ``record_id``. Raises a 404."""
    statement = select(*_columns(resource)).where(resource.model.id == record_id)
    with dependencies_of(router).database.autocommit() as connection:
        row = connection.execute(statement).one_or_none()
    if row is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"{resource.name} has no record {record_id}")
    return resource.view.model_validate(row)


def _columns(resource: Resource[View]) -> list[InstrumentedAttribute[object]]:
    mapped = inspect(resource.model).column_attrs
    return [getattr(resource.model, name) for name in resource.view.model_fields if name in mapped]


def _cursor_after(record_id: int, table: str) -> str:
    """Return the cursor for the records of ``table`` after ``record_id``. Opaque to clients: its content may change."""
    return base64.urlsafe_b64encode(json.dumps([table, record_id]).encode()).decode().rstrip("=")


def _id_before(cursor: str, table: str) -> int:
    """Return the id after which ``cursor`` continues. Raises a 422 for a malformed cursor or one of another table."""
    try:
        named, record_id = json.loads(
            base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        )
        if named == table and type(record_id) is int and 0 <= record_id <= MAX_ID:
            return record_id
    except (ValueError, TypeError, RecursionError, binascii.Error):
        pass
    raise invalid("cursor", f"{cursor[:100]!r} is no cursor of this listing; send 'next' of the previous page")
