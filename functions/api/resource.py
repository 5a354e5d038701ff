"""The parts that a resource of the API is declared with: its view, its filter, and which workflows it queues."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement

from scrapersky.models.base import Recorded
from scrapersky.runtime.input_model import InputModel
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import Curation

MAX_ID = 2**63 - 1
"""The largest id that Postgres can store (bigint)."""
PAGING = frozenset({"limit", "cursor"})


class View(BaseModel):
    """One record as the API returns it: named columns, so that a new column is not published by accident."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    tenant: str


class Filter(InputModel):
    """The filters of every resource. Apart from those in :func:`conditions`, a filter has the name of its column."""

    tenant: str | None = None
    curation_status: Curation | None = None
    created_after: datetime | None = Field(None, description="created at or after this instant")
    created_before: datetime | None = Field(None, description="created before this instant")

    def given(self) -> dict[str, Any]:
        """Return the filters that the request sets."""
        names = (name for name in type(self).model_fields if name not in PAGING)
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class Named(Filter):
    """The filters of resources whose records have a name or a URL."""

    search: str | None = Field(None, min_length=1, max_length=200, description="part of the name, any case")


class Paging(Filter):
    """The part of a listing to return."""

    limit: int = Field(50, ge=1, le=500, description="maximum number of records")
    cursor: str | None = Field(None, description="'next' of the previous page")


V_co = TypeVar("V_co", bound=View, covariant=True)
F = TypeVar("F", bound=Filter)


class NeverQueued(NamedTuple):
    """Records that can be curated but never queued: those whose ``column`` has one of ``values``."""

    column: str
    values: frozenset[str]
    reason: str


@dataclass(frozen=True)
class Resource(Generic[V_co]):
    """One resource: what listing, adding and curation need to know of it."""

    model: type[Recorded]
    view: type[V_co]
    key: tuple[str, ...]
    """The columns that identify a record besides its id: a row with a known key already exists."""
    curation: Mapping[str, Workflow | None]
    """Each curation field with the workflow that ``Selected`` queues, None where it queues nothing."""
    search: str = ""
    """The column that the filter ``search`` looks into."""
    never_queued: NeverQueued | None = None

    @property
    def name(self) -> str:
        """The table's name, which is also the field of the rows in a bulk request."""
        return str(self.model.__tablename__)


def conditions(resource: Resource[View], wanted: Filter) -> list[ColumnElement[bool]]:
    """Return the WHERE conditions for ``wanted``; all must hold."""
    columns = resource.model.__table__.c
    found: list[ColumnElement[bool]] = []
    for name, value in wanted.given().items():
        match name:
            case "search":
                found.append(columns[resource.search].icontains(value, autoescape=True))
            case "created_after":
                found.append(columns["created_at"] >= value)
            case "created_before":
                found.append(columns["created_at"] < value)
            case _:
                found.append(columns[name] == value)
    return found
