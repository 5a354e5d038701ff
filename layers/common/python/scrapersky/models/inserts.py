"""Inserts that jobs and the API share."""

from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from scrapersky.vocabulary import RecordId

ROWS_PER_STATEMENT = 1_000
"""Postgres accepts at most 65,535 parameters in one statement."""


def get_or_create(connection: Connection, unique: InstrumentedAttribute[Any], **values: Any) -> RecordId:
    """Return the id of the row whose ``unique`` column has its value in ``values``; insert the row if there is none.

    An existing row is not changed, but takes a ``label`` of its tenant if it has none. Safe against concurrent
    inserts of the value.
    """
    model = unique.class_
    inserted: RecordId | None = connection.scalar(
        insert(model).values(**values).on_conflict_do_nothing(index_elements=[unique]).returning(model.id)
    )
    if inserted is not None:
        return inserted
    existing: RecordId = connection.execute(select(model.id).where(unique == values[unique.key])).scalar_one()
    if values.get("label"):
        own = model.tenant == values.get("tenant", "default")
        unlabelled = update(model).where(model.id == existing, model.label.is_(None), own)
        connection.execute(unlabelled.values(label=values["label"]))
    return existing
