"""Changes: what later readings of websites found different. Kept as long as history (``HISTORY_DAYS``)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel, Field, model_validator
from sqlalchemy import select

from api.dependencies import check_parameters, dependencies_of, tenant_of
from scrapersky.lists.filters import of_domain, typed
from scrapersky.models import Change, Domain
from scrapersky.runtime.input_model import Id, InputModel, Instant, Integer
from scrapersky.vocabulary import ChangedField

router = Router()


class ChangeView(BaseModel):
    """One fact of a domain that changed. ``old`` is null where there was none, ``new`` where it is gone."""

    id: int
    domain_id: int
    domain: str
    tenant: str
    field: ChangedField
    old: str | None
    new: str | None
    at: datetime


class Changes(BaseModel):
    """One page of changes, the newest first."""

    items: list[ChangeView]
    next: int | None = Field(description="send it as 'before' to get the next page; null on the last page")


class ChangeQuery(InputModel):
    """The query parameters. All conditions that are given must hold."""

    tenant: str | None = None
    domain_id: Id | None = None
    domain: str | None = Field(None, description="the domain's host name, or a url on it")
    field: ChangedField | None = None
    since: Instant | None = Field(None, description="found at or after this instant")
    limit: Integer = Field(50, ge=1, le=500, description="maximum number of changes")
    before: Id | None = Field(None, description="'next' of the previous page")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        return typed(cls, given)


@router.get("/changes", tags=["changes"], summary="List what changed on websites, the newest first")
def list_changes(query: Annotated[ChangeQuery, Query()]) -> Changes:
    check_parameters(router, ChangeQuery)
    columns = Change.__table__.c
    rows = select(*(columns[name] for name in ChangeView.model_fields if name != "domain"), Domain.domain)
    rows = rows.join(Domain, Domain.id == columns.domain_id).order_by(columns.id.desc()).limit(query.limit + 1)
    if (tenant := tenant_of(router)) is not None:
        rows = rows.where(columns.tenant == tenant)
    for name in ("tenant", "domain_id", "field"):
        if (value := getattr(query, name)) is not None:
            rows = rows.where(columns[name] == value)
    if query.domain is not None:
        rows = rows.where(of_domain(columns, query.domain))
    if query.since is not None:
        rows = rows.where(columns.at >= query.since)
    if query.before is not None:
        rows = rows.where(columns.id < query.before)
    with dependencies_of(router).database.autocommit() as connection:
        found = [ChangeView.model_validate(row, from_attributes=True) for row in connection.execute(rows)]
    items = found[: query.limit]
    return Changes(items=items, next=items[-1].id if len(found) > query.limit else None)
