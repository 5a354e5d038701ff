"""Lists records, oldest first, a page at a time; and looks at one."""

from http import HTTPStatus
from typing import Annotated, Generic, TypeVar

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import BaseModel, Field
from sqlalchemy import inspect, select
from sqlalchemy.orm import InstrumentedAttribute

from api.cursor import cursor_after, record_before
from api.filters import BIGGEST, Filter, conditions
from api.problem import Problem, invalid
from api.views.view import View
from api.wiring import event_of, wiring_of
from scrapersky.models.base import Recorded

V = TypeVar("V", bound=View)
RecordId = Annotated[int, Path(ge=1, le=BIGGEST, description="the record's id")]


class Listing(BaseModel, Generic[V]):
    """One page of records; ``next`` is the cursor of the page after, null on the last one."""

    items: list[V]
    next: str | None = Field(description="pass it on as 'cursor' for what follows; null at the end")


def list_records(
    router: Router, model: type[Recorded], view: type[V], wanted: Filter, *, limit: int, cursor: str | None
) -> Listing[V]:
    """The records that fit ``wanted``, by id, from ``cursor`` on.

    A keyset, not an offset: a page costs the same however far on it is, and no record is skipped or shown twice
    because others came meanwhile. Raises a 422 for a parameter that is no filter: left alone, it would list everything.
    """
    known = {*type(wanted).model_fields}
    for name in event_of(router).query_string_parameters:
        if name not in known:
            raise invalid(name, f"there is no filter {name!r}; there are: {', '.join(sorted(known))}")
    table = str(model.__tablename__)
    statement = select(*_columns(model, view)).where(*conditions(model, wanted)).order_by(model.id).limit(limit + 1)
    if cursor is not None:
        statement = statement.where(model.id > record_before(cursor, table))
    with wiring_of(router).database.autocommit() as connection:
        rows = connection.execute(statement).all()
    items = [view.model_validate(row) for row in rows[:limit]]
    return Listing[view](items=items, next=cursor_after(table, rows[limit - 1].id) if len(rows) > limit else None)  # type: ignore[valid-type]


def read_record(router: Router, model: type[Recorded], view: type[V], record_id: int) -> V:
    """The record ``record_id``. Raises a 404."""
    with wiring_of(router).database.autocommit() as connection:
        row = connection.execute(select(*_columns(model, view)).where(model.id == record_id)).one_or_none()
    if row is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"{model.__tablename__} has no record {record_id}")
    return view.model_validate(row)


def _columns(model: type[Recorded], view: type[View]) -> list[InstrumentedAttribute[object]]:
    mapped = inspect(model).column_attrs
    return [getattr(model, name) for name in view.model_fields if name in mapped]
