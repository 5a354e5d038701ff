"""List records by id, one page at a time, and read a single record."""

import re
from http import HTTPStatus
from typing import Annotated, Generic, TypeVar

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import BaseModel, Field
from sqlalchemy import inspect, select
from sqlalchemy.orm import InstrumentedAttribute

from api.dependencies import dependencies_of, event_of
from api.late_commits import read_page
from api.problem import Problem, invalid
from api.resource import Paging, Resource, View, conditions
from scrapersky.runtime.input_model import MAX_ID

V = TypeVar("V", bound=View)
RecordIdInPath = Annotated[int, Path(ge=1, le=MAX_ID, description="the record's id")]


class Listing(BaseModel, Generic[V]):
    """One page of records."""

    items: list[V]
    next: str | None = Field(description="send it as 'cursor' to get the next page; null on the last page")


def list_records(router: Router, resource: Resource[V], query: Paging) -> Listing[V]:
    """Return one page of the records that match ``query``, oldest id first.

    Pages by keyset, not by offset: every page costs the same. Records added, deleted or committed meanwhile neither hide
    nor repeat others. Raises a 422 for an unknown parameter: if it were ignored, the listing would return every record.
    """
    known = type(query).model_fields
    for name in event_of(router).query_string_parameters:
        if name not in known:
            raise invalid(name, f"unknown parameter {name!r}; valid parameters: {', '.join(sorted(known))}")
    dependencies, model, after = dependencies_of(router), resource.model, _id_before(query.cursor, resource.name)
    statement = select(*_columns(resource)).where(*conditions(resource, query), model.id > after)
    with dependencies.database.autocommit() as connection:
        rows, continues_after = read_page(
            connection,
            resource.name,
            lambda last: connection.execute(
                statement.where(model.id <= last).order_by(model.id).limit(query.limit + 1)
            ).all(),
            after,
            query.limit,
            dependencies.settings.api_listing_wait_seconds,
        )
    items = [resource.view.model_validate(row) for row in rows]
    cursor = None if continues_after is None else f"{resource.name}.{continues_after}"
    return Listing[resource.view](items=items, next=cursor)  # type: ignore[name-defined]


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


def cursor_pattern(table: str) -> str:
    """Return the pattern of the cursors of ``table``. Opaque to clients: their content may change."""
    return rf"^{table}\.(0|[1-9][0-9]{{0,17}})$"


def _id_before(cursor: str | None, table: str) -> int:
    """Return the id after which ``cursor`` continues, 0 without one. Raises a 422 for a cursor that is not of ``table``."""
    if cursor is None:
        return 0
    if found := re.fullmatch(cursor_pattern(table), cursor):
        return int(found[1])
    raise invalid("cursor", f"{cursor[:100]!r} is no cursor of this listing; send 'next' of the previous page")
