"""Requeue or cancel records, by their ids or by any filter. No decision is changed: that is curation.

Each request is one transaction and moves at most ``API_BULK_MAX`` records; ``after`` continues behind it.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Generic, Literal

from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import ColumnElement, Connection, Label, Row, Text, literal_column, or_, select

from api.curation import EXAMPLES, MAY_BE_QUEUED, Ids
from api.dependencies import caller_of, dependencies_of, own
from api.idempotency import key_of, write_once
from api.listing import COUNTED
from api.problem import invalid
from api.resource import F, Resource, View
from scrapersky.database import after_commit
from scrapersky.lists.filters import conditions
from scrapersky.runtime.input_model import Flag, Id, InputModel, Integer, Number, exactly_one
from scrapersky.runtime.payloads import Reason
from scrapersky.status.cancel import cancel
from scrapersky.status.requeue import MAX_REQUEUED, requeue
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import RecordId, Status

Verb = Literal["requeue", "cancel"]
NEEDS: Mapping[Verb, frozenset[Status]] = {"requeue": MAY_BE_QUEUED, "cancel": frozenset({Status.QUEUED})}
BECOMES: Mapping[Verb, Status] = {"requeue": Status.QUEUED, "cancel": Status.NEW}
OUTCOME: Mapping[Verb, str] = {"requeue": "requeued", "cancel": "cancelled"}


class Move(InputModel, Generic[F]):
    """Which records to move: ``ids``, or those that match ``filter``; exactly one of them is needed."""

    model_config = ConfigDict(json_schema_extra=exactly_one("ids", "filter"))

    ids: Ids | None = Field(None, description="the records")
    filter: F | None = Field(None, description="at least one condition")
    after: Id | None = Field(None, description="only records with a higher id: 'last' of the previous answer")
    limit: Integer | None = Field(None, ge=1, description="maximum number of records")
    reason: Reason = Field(description="why, for the audit trail")
    dry_run: Flag = Field(
        False, description="change nothing; answer how many records, up to 10,000, and three examples"
    )

    @model_validator(mode="after")
    def _has_one_filter(self) -> "Move[F]":
        if (self.ids is None) == (self.filter is None):
            raise ValueError("exactly one of ids and filter is needed")
        if self.filter is not None and not self.filter.given():
            raise ValueError("filter is empty, which would mean every record; at least one condition is needed")
        return self


class Requeue(Move[F]):
    """New, Completed or Error → Queued."""

    spread_seconds: Number = Field(0, ge=0, le=86_400, description="the records become due over this time")


class Example(BaseModel):
    """A record that is moved, with its status before."""

    id: int
    record: str = Field(description="its domain, url or place id")
    status: Status


class Moved(BaseModel):
    """The records that were moved. Those in another status are left alone."""

    workflow: str
    count: int = Field(description="records moved, or of a dry run to be moved")
    ids: list[int] = Field(description="of a dry run empty")
    examples: list[Example] = Field(description="the first three")
    more: bool = Field(description="other records match and were not reached; continue with 'after': 'last'")
    last: int | None = Field(description="the highest id that was moved")


def move(router: Router, resource: Resource[View], workflow: Workflow, verb: Verb, body: Move[Any]) -> Moved:
    """Carry out ``verb`` on ``workflow`` for records of ``resource``. Raises a 422 for more than ``API_BULK_MAX``."""
    settings, actor = dependencies_of(router).settings, caller_of(router)
    for field, number in (("ids", len(body.ids or ())), ("limit", body.limit or 0)):
        if number > settings.api_bulk_max:
            valid = f"at most {settings.api_bulk_max} are allowed"
            raise invalid(field, f"{number} records are too many for one request; {valid}")
    mine = own(router, resource.model)
    limit = min(body.limit or MAX_REQUEUED, settings.api_bulk_max, MAX_REQUEUED)
    if body.dry_run:
        key_of(router)
        with dependencies_of(router).database.transaction() as connection:
            return _moved(
                workflow, _read(connection, resource, workflow, verb, body, COUNTED, mine), COUNTED, dry_run=True
            )

    def work(connection: Connection) -> Moved:
        rows = _read(connection, resource, workflow, verb, body, limit, mine)
        before = {RecordId(row.id): Status(row.status) for row in rows[:limit]}
        ids, reason = list(before), body.reason
        if before:
            if isinstance(body, Requeue):
                spread = body.spread_seconds
                requeue(connection, workflow, ids=ids, limit=limit, spread=spread, actor=actor, reason=reason)
            else:
                cancel(connection, workflow, ids, actor=actor, reason=reason)
        moved = partial(dependencies_of(router).observer.moved, workflow.name, before, BECOMES[verb])
        after_commit(connection, partial(moved, outcome=OUTCOME[verb], actor=actor))
        return _moved(workflow, rows, limit, dry_run=False)

    return write_once(router, Moved, work)


def _read(
    connection: Connection,
    resource: Resource[View],
    workflow: Workflow,
    verb: Verb,
    body: Move[Any],
    limit: int,
    mine: Sequence[ColumnElement[bool]],
) -> Sequence[Row[Any]]:
    """Return the records, which must be ``mine``, and one more. Lock them in the order of their ids.

    Those that others hold are left out. A dry run locks nothing.
    """
    model, never = resource.model, resource.never_queued
    status = getattr(model, workflow.field)
    wanted: list[ColumnElement[bool]] = (
        conditions(connection, resource.model, body.filter).all if body.filter else [model.id.in_(body.ids or ())]
    )
    wanted += [status.in_(NEEDS[verb]), model.id > (body.after or 0), *mine]
    if never and verb == "requeue":
        column = getattr(model, never.column)
        wanted.append(or_(column.is_(None), column.not_in(never.values)))
    record: Label[str] = literal_column(workflow.natural_key, Text).label("record")
    found = select(model.id, record, status.label("status")).where(*wanted).order_by(model.id).limit(limit + 1)
    if not body.dry_run:
        found = found.with_for_update(of=model, key_share=True, skip_locked=True)
    return connection.execute(found).all()


def _moved(workflow: Workflow, rows: Sequence[Row[Any]], limit: int, *, dry_run: bool) -> Moved:
    ids = [row.id for row in rows[:limit]]
    examples = [Example(id=row.id, record=row.record, status=row.status) for row in rows[:EXAMPLES]]
    return Moved(
        workflow=workflow.name,
        count=len(ids),
        ids=[] if dry_run else ids,
        examples=examples,
        more=len(rows) > limit,
        last=ids[-1] if ids else None,
    )
