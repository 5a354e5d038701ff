"""The parts that a resource of the API is declared with: its view, its filter, and which workflows it queues."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from sqlalchemy import ColumnElement, select

from scrapersky.models import Domain
from scrapersky.models.base import Recorded
from scrapersky.runtime.input_model import Id, InputModel, Instant, Integer
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import Curation
from scrapersky.web.hosts import HostError, normalise_host

PAGING = frozenset({"limit", "cursor"})
FLAGS = {"true": True, "false": False}
DIGITS = re.compile(r"-?[0-9]{1,30}")


class View(BaseModel):
    """One record as the API returns it: named columns, so that a new column is not published by accident."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    tenant: str


class Filter(InputModel):
    """The filters of every resource. Apart from those in :func:`conditions`, a filter has the name of its column."""

    tenant: str | None = None
    curation_status: Curation | None = None
    created_after: Instant | None = Field(None, description="created at or after this instant")
    created_before: Instant | None = Field(None, description="created before this instant")

    @field_validator("*")
    @classmethod
    def _states_a_condition(cls, value: object) -> object:
        if value is None:
            raise ValueError("is null, which is no condition; leave it out")
        return value

    def given(self) -> dict[str, Any]:
        """Return the filters that the request sets."""
        names = (name for name in type(self).model_fields if name not in PAGING)
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class Named(Filter):
    """The filters of resources whose records have a name or a URL."""

    search: str | None = Field(None, min_length=1, max_length=200, description="part of the name, any case")


class OfDomain(Filter):
    """The filters of resources whose records belong to a domain."""

    domain_id: Id | None = None
    domain: str | None = Field(None, description="the domain's host name, or a url on it")


class Paging(Filter):
    """The part of a listing to return."""

    limit: Integer = Field(50, ge=1, le=500, description="maximum number of records")
    cursor: str | None = Field(None, description="'next' of the previous page")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters of a query as JSON has them: digits as a number, true and false as a flag."""
        return {name: _typed(value, cls.model_fields[name].annotation) for name, value in given.items()}


def _typed(value: Any, annotation: Any) -> Any:
    if _allows(annotation, bool) and value in FLAGS:
        return FLAGS[value]
    return int(value) if _allows(annotation, int) and DIGITS.fullmatch(value) else value


def _allows(annotation: Any, kind: type) -> bool:
    return annotation is kind or any(_allows(part, kind) for part in get_args(annotation))


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
            case "domain" if "domain" in columns:
                found.append(columns["domain"] == _host(value))
            case "domain":
                found.append(columns["domain_id"].in_(select(Domain.id).where(Domain.domain == _host(value))))
            case _:
                found.append(columns[name] == value)
    return found


def _host(text: str) -> str:
    """Return the host as it is stored; a text that is no host matches no record."""
    try:
        return normalise_host(text)
    except HostError:
        return text
