"""The parts that a resource of the API is declared with: its view, its filters, and which workflows it queues."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from scrapersky.lists.filters import Filter, typed
from scrapersky.models.base import Recorded
from scrapersky.runtime.input_model import Flag, Integer
from scrapersky.runtime.registry import WORKFLOWS
from scrapersky.status.workflow import Workflow

ORDER: Any = Field("id", description="by this column; with a minus the highest or newest first")


class View(BaseModel):
    """One record as the API returns it: named columns, so that a new column is not published by accident."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    tenant: str
    label: str | None


class Paging(Filter):
    """The part of a listing to return."""

    limit: Integer = Field(50, ge=1, le=500, description="maximum number of records")
    cursor: str | None = Field(None, description="'next' of the previous page")
    order: str = ORDER
    count: Flag = Field(False, description="also count the records that match, up to 10,000")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters of a query as JSON has them: digits as a number, true and false as a flag."""
        return typed(cls, given)


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
    filters: type[Filter]
    key: tuple[str, ...]
    """The columns that identify a record besides its id: a row with a known key already exists."""
    curation: Mapping[str, Workflow | None]
    """Each curation field with the workflow that ``Selected`` queues, None where it queues nothing."""
    never_queued: NeverQueued | None = None

    @property
    def name(self) -> str:
        """The table's name, which is also the field of the rows in a bulk request."""
        return str(self.model.__tablename__)

    @property
    def workflows(self) -> dict[str, Workflow]:
        """The workflows that watch a field of its records, by name."""
        return {name: one for name, one in WORKFLOWS.items() if one.table == self.name}
