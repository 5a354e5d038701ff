"""Sets people's decisions in bulk. ``Selected`` queues the field's workflow in the same transaction.

The danger first: a record that is Processing belongs to its worker. It is told apart under its row's lock and left alone,
and the database's guard would refuse it too. Rows are locked in the order of their ids, as everywhere.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal

from pydantic import BaseModel, Field, model_validator
from sqlalchemy import Connection, Row, case, func, literal, select, text, update

from api.curation_table import CurationField
from api.filters import BIGGEST, F, Filter, conditions
from api.problem import invalid
from scrapersky.models.vocabulary import Curation, Status
from scrapersky.runtime.input_model import InputModel
from scrapersky.status.sql import SET_ACTOR

Result = Literal["queued", "set", "unchanged", "refused"]
Ids = Annotated[list[Annotated[int, Field(ge=1, le=BIGGEST)]], Field(min_length=1)]
MAY_BE_QUEUED = frozenset({Status.NEW, Status.COMPLETED, Status.ERROR})


class Decision(InputModel, Generic[F]):
    """A decision about the records ``ids``, or about those that fit ``filter``; exactly one of them."""

    curation_status: Curation = Field(description="Selected queues the workflow")
    ids: Ids | None = Field(None, description="the records")
    filter: F | None = Field(None, description="at least one condition; all must hold")
    limit: int | None = Field(None, ge=1, description="records at most by filter; more are told by 'more'")
    reason: str = Field("curated", min_length=1, max_length=500, description="why, for the audit trail")
    spread_seconds: float = Field(0, ge=0, le=86_400, description="queued records become due over this time")

    @model_validator(mode="after")
    def _filtered(self) -> "Decision[F]":
        if (self.ids is None) == (self.filter is None):
            raise ValueError("exactly one of ids and filter is needed")
        if self.filter is not None and not self.filter.given:
            raise ValueError("filter is empty, which would mean every record; at least one condition is needed")
        return self


class Decided(BaseModel):
    """What became of one record: ``queued``; ``set``, the decision without any work; ``unchanged``; or ``refused``."""

    id: int
    result: Result
    why: str | None = None


class Decisions(BaseModel):
    """What became of each record; ``more`` tells that others fit the filter and were not looked at."""

    results: list[Decided]
    counts: dict[Result, int]
    more: bool = False


@dataclass(frozen=True)
class _Judged:
    record_id: int
    result: Result
    why: str | None = None


def decide(connection: Connection, field: CurationField, decision: Decision[Any], *, actor: str, cap: int) -> Decisions:
    """Carries out ``decision`` on ``field`` within the caller's transaction; ``cap`` records at most."""
    for name, number in (("ids", len(decision.ids or ())), ("limit", decision.limit or 0)):
        if number > cap:
            raise invalid(name, f"{number} records are too many at once; at most {cap} are right")
    limit = len(set(decision.ids)) if decision.ids else decision.limit or cap
    connection.execute(text(SET_ACTOR), {"actor": actor, "reason": decision.reason})
    rows = _lock(connection, field, decision, limit + 1)
    judged = [_judge(row, field, decision.curation_status) for row in rows[:limit]]
    _write(connection, field, decision, [one.record_id for one in judged if one.result == "set"], queue=False)
    _write(connection, field, decision, [one.record_id for one in judged if one.result == "queued"], queue=True)
    missing = sorted(set(decision.ids or ()) - {one.record_id for one in judged})
    judged += [_Judged(one, "refused", f"{field.model.__tablename__} has no such record") for one in missing]
    return Decisions(
        results=[Decided(id=one.record_id, result=one.result, why=one.why) for one in judged],
        counts=dict(Counter(one.result for one in judged)),
        more=len(rows) > limit,
    )


def _lock(connection: Connection, field: CurationField, decision: Decision[Any], most: int) -> Sequence[Row[Any]]:
    model, workflow = field.model, field.workflow
    columns = [
        model.id,
        getattr(model, field.name).label("curated"),
        (getattr(model, workflow.field) if workflow else literal(None)).label("status"),
        (getattr(model, field.refused[0]) if field.refused else literal(None)).label("refused_by"),
    ]
    chosen = [model.id.in_(decision.ids)] if decision.ids else conditions(model, _filter(decision))
    statement = select(*columns).where(*chosen).order_by(model.id).limit(most).with_for_update(of=model)
    return connection.execute(statement).all()


def _filter(decision: Decision[Any]) -> Filter:
    assert isinstance(decision.filter, Filter)
    return decision.filter


def _judge(row: Row[Any], field: CurationField, wanted: Curation) -> _Judged:
    return next(_verdicts(row, field, wanted))


def _verdicts(row: Row[Any], field: CurationField, wanted: Curation) -> Iterator[_Judged]:
    """The first of these holds."""
    if row.status == Status.PROCESSING:
        yield _Judged(row.id, "refused", "it is Processing; decide again when its work has ended")
    if wanted != Curation.SELECTED or field.workflow is None:
        yield _Judged(row.id, "unchanged" if row.curated == wanted else "set")
    if field.refused and row.refused_by in field.refused[1]:
        yield _Judged(row.id, "refused", field.refused[2])
    if row.status in MAY_BE_QUEUED:
        yield _Judged(row.id, "queued")
    if row.curated == wanted:
        yield _Judged(row.id, "unchanged", "it is Queued already")
    yield _Judged(row.id, "set", "it is Queued already")


def _write(
    connection: Connection, field: CurationField, decision: Decision[Any], ids: list[int], *, queue: bool
) -> None:
    if not ids:
        return
    model = field.model
    values: dict[str, Any] = {field.name: decision.curation_status, "updated_at": func.now()}
    if queue and field.workflow:
        values[field.workflow.field] = Status.QUEUED
        values[field.workflow.companion("due_at")] = case(
            (
                literal(decision.spread_seconds) > 0,
                func.now() + func.make_interval(0, 0, 0, 0, 0, 0, func.random() * decision.spread_seconds),
            ),
            else_=func.now(),
        )
    connection.execute(update(model).where(model.id.in_(ids)).values(values))
