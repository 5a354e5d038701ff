"""Get-or-create by a unique column, safe against concurrent inserts."""

from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute


def get_or_create(connection: Connection, unique: InstrumentedAttribute[Any], **values: Any) -> int:
    """Return the id of the row whose ``unique`` column has its value in ``values``; insert the row if there is none.

    An existing row is not changed.
    """
    model = unique.class_
    inserted: int | None = connection.scalar(
        insert(model).values(**values).on_conflict_do_nothing(index_elements=[unique]).returning(model.id)
    )
    if inserted is not None:
        return inserted
    existing: int = connection.execute(select(model.id).where(unique == values[unique.key])).scalar_one()
    return existing
