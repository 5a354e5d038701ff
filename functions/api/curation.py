"""Set people's decisions on many records. ``Selected`` queues the field's workflow in the same transaction.

Warning: a Processing record belongs to its worker. Curation reads the status under the row's lock and refuses such a
record; the database's guard would refuse it too. Rows are locked in the order of their ids, as everywhere.
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Generic, Literal

from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import ColumnElement, Connection, Row, case, func, literal, select, text, update

from api.dependencies import caller_of, dependencies_of, own
from api.idempotency import key_of, write_once
from api.problem import invalid
from api.resource import F, Resource, View
from scrapersky.database import after_commit
from scrapersky.lists.filters import conditions
from scrapersky.runtime.input_model import Flag, Id, InputModel, Integer, Number, exactly_one
from scrapersky.status.sql import SET_ACTOR
from scrapersky.vocabulary import Curation, Status

Result = Literal["queued", "set", "unchanged", "refused"]
Ids = Annotated[list[Id], Field(min_length=1)]
EXAMPLES = 3
"""Results that a dry run shows."""
MAY_BE_QUEUED = frozenset({Status.NEW, Status.COMPLETED, Status.ERROR})


class Decision(InputModel, Generic[F]):
    """A decision about the records ``ids``, or about those that match ``filter``; exactly one of them is needed."""

    model_config = ConfigDict(json_schema_extra=exactly_one("ids", "filter"))

    curation_status: Curation = Field(description="Selected queues the workflow")
    ids: Ids | None = Field(None, description="the records")
    filter: F | None = Field(None, description="at least one condition; all must hold")
    after: Id | None = Field(None, description="only records with a higher id: 'last' of the previous answer")
    limit: Integer | None = Field(None, ge=1, description="maximum number of records by filter; 'more' reports others")
    reason: str = Field("curated", min_length=1, max_length=500, description="why, for the audit trail")
    spread_seconds: Number = Field(0, ge=0, le=86_400, description="queued records become due over this time")
    dry_run: Flag = Field(False, description="change nothing; answer the counts and the first three results")

    @model_validator(mode="after")
    def _has_one_filter(self) -> "Decision[F]":
        if (self.ids is None) == (self.filter is None):
            raise ValueError("exactly one of ids and filter is needed")
        if self.filter is not None and not self.filter.given():
            raise ValueError("filter is empty, which would mean every record; at least one condition is needed")
        return self


class Decided(BaseModel):
    """The result for one record: ``queued``; ``set`` without queueing; ``unchanged``; or ``refused``."""

    id: int
    result: Result
    why: str | None = None


class Decisions(BaseModel):
    """The result for each record; ``more``: other records match the filter and were not touched."""

    results: list[Decided] = Field(description="of a dry run the first three")
    counts: dict[Result, int]
    more: bool = False
    last: int | None = Field(None, description="the highest id of the results; continue with 'after'")


def curate(
    router: Router, resource: Resource[View], decision: Decision[Any], field: str = "curation_status"
) -> Decisions:
    """Carry out ``decision`` on the curation field ``field`` of ``resource``, in one transaction and once.

    A dry run reports what it would do. Raises a 422 for more records than ``API_BULK_MAX``.
    """
    cap, actor = dependencies_of(router).settings.api_bulk_max, caller_of(router)
    for name, number in (("ids", len(decision.ids or ())), ("limit", decision.limit or 0)):
        if number > cap:
            raise invalid(name, f"{number} records are too many for one request; at most {cap} are allowed")

    mine = own(router, resource.model)
    if decision.dry_run:
        key_of(router)
        with dependencies_of(router).database.transaction() as connection:
            expected, _ = _decide(connection, resource, field, decision, cap, mine)
            return expected.model_copy(update={"results": expected.results[:EXAMPLES]})

    def work(connection: Connection) -> Decisions:
        connection.execute(text(SET_ACTOR), {"actor": actor, "reason": decision.reason})
        decided, before = _decide(connection, resource, field, decision, cap, mine)
        workflow = resource.curation[field]
        if workflow:
            observer = dependencies_of(router).observer
            report = partial(observer.moved, workflow.name, before, Status.QUEUED, outcome="curated", actor=actor)
            after_commit(connection, report)
        return decided

    return write_once(router, Decisions, work)


def _decide(
    connection: Connection,
    resource: Resource[View],
    field: str,
    decision: Decision[Any],
    cap: int,
    mine: Sequence[ColumnElement[bool]],
) -> tuple[Decisions, dict[int, Status]]:
    """Carry out ``decision``; return its results, and the previous status of each record that is now Queued.

    Records that are not ``mine`` do not exist. A dry run neither locks nor writes.
    """
    limit = len(set(decision.ids)) if decision.ids else decision.limit or cap
    rows = _read(connection, resource, field, decision, limit + 1, mine)
    decided = [_result(row, resource, field, decision.curation_status) for row in rows[:limit]]
    for queue, result in () if decision.dry_run else ((False, "set"), (True, "queued")):
        _write(connection, resource, field, decision, [one.id for one in decided if one.result == result], queue)
    missing = sorted(set(decision.ids or ()) - {one.id for one in decided})
    decided += [Decided(id=one, result="refused", why=f"{resource.name} has no record {one}") for one in missing]
    queued = {one.id for one in decided if one.result == "queued"}
    before = {row.id: Status(row.status) for row in rows if row.id in queued}
    counts = dict(Counter(one.result for one in decided))
    last = rows[:limit][-1].id if rows else None
    return Decisions(results=decided, counts=counts, more=len(rows) > limit, last=last), before


def _read(
    connection: Connection,
    resource: Resource[View],
    field: str,
    decision: Decision[Any],
    limit: int,
    mine: Sequence[ColumnElement[bool]],
) -> Sequence[Row[Any]]:
    model, workflow, never = resource.model, resource.curation[field], resource.never_queued
    columns = [
        model.id,
        getattr(model, field).label("curated"),
        (getattr(model, workflow.field) if workflow else literal(None)).label("status"),
        (getattr(model, never.column) if never else literal(None)).label("never_queued"),
    ]
    chosen = (
        conditions(connection, resource.model, decision.filter).all
        if decision.filter
        else [model.id.in_(decision.ids or ())]
    )
    statement = select(*columns).where(*chosen, *mine, model.id > (decision.after or 0)).order_by(model.id).limit(limit)
    if not decision.dry_run:
        statement = statement.with_for_update(of=model, key_share=True)
    return connection.execute(statement).all()


def _result(row: Row[Any], resource: Resource[View], field: str, wanted: Curation) -> Decided:
    never, result, why = resource.never_queued, "set", None
    if row.status == Status.PROCESSING:
        result, why = "refused", "it is Processing; decide again when its work has ended"
    elif wanted != Curation.SELECTED or resource.curation[field] is None:
        result = "unchanged" if row.curated == wanted else "set"
    elif never and row.never_queued in never.values:
        result, why = "refused", never.reason
    elif row.status in MAY_BE_QUEUED:
        result = "queued"
    else:
        result, why = "unchanged" if row.curated == wanted else "set", "it is already Queued"
    return Decided(id=row.id, result=result, why=why)


def _write(
    connection: Connection,
    resource: Resource[View],
    field: str,
    decision: Decision[Any],
    ids: list[int],
    queue: bool,
) -> None:
    if not ids:
        return
    values: dict[str, Any] = {field: decision.curation_status, "updated_at": func.now()}
    workflow = resource.curation[field]
    if queue and workflow:
        delay = func.make_interval(0, 0, 0, 0, 0, 0, func.random() * decision.spread_seconds)
        values[workflow.field] = Status.QUEUED
        values[workflow.companion("due_at")] = case(
            (literal(decision.spread_seconds) > 0, func.now() + delay), else_=func.now()
        )
    connection.execute(update(resource.model).where(resource.model.id.in_(ids)).values(values))
