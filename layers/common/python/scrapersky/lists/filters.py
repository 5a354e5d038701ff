"""Filters: what a list of records may be asked for, and the SQL of it.

A filter is declared once, as a field of the table's filter model (:mod:`scrapersky.lists.tables`). SQL (:func:`conditions`),
the OpenAPI document, exports and the command line follow from it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, get_args

from pydantic import BaseModel, BeforeValidator, Field, field_validator
from sqlalchemy import ARRAY, BigInteger, ColumnElement, Connection, func, literal, select, text
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from scrapersky.models import Domain
from scrapersky.models.base import Recorded
from scrapersky.runtime.input_model import Id, InputModel, Instant, whole
from scrapersky.runtime.registry import WORKFLOWS
from scrapersky.vocabulary import Curation, Status
from scrapersky.web.hosts import HostError, normalise_host
from scrapersky.web.urls import normalise_url

PAGING = frozenset({"limit", "cursor", "order", "count"})
"""Parameters of a listing that are no filters."""
FLAGS = {"true": True, "false": False}
DIGITS = re.compile(r"-?[0-9]{1,30}")
DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
Columns = ReadOnlyColumnCollection[str, Any]


@dataclass(frozen=True)
class Where:
    """How a filter becomes a condition; by default the column of its name has the given value.

    ``indexed``: an index finds the records, in the order of their ids or so few that they are sorted quickly.
    """

    condition: Callable[[Columns, Any], ColumnElement[bool]] | None = None
    indexed: bool = False


INDEXED = Where(indexed=True)
HttpStatus = Annotated[int, Field(strict=True, ge=100, le=599), BeforeValidator(whole)]


def present(column: str) -> Where:
    """Return the filter by whether ``column`` has a value."""
    return Where(lambda columns, given: columns[column].is_not(None) if given else columns[column].is_(None), True)


class Filter(InputModel):
    """The filters of every resource. All that are given must hold."""

    searched: ClassVar[str] = ""
    """The column that the filter ``search`` looks into."""

    tenant: Annotated[str | None, INDEXED] = None
    label: Annotated[str | None, INDEXED] = Field(None, description="of the list that brought the record in")
    curation_status: Curation | None = None
    created_after: Annotated[Instant | None, Where(lambda columns, given: columns.created_at >= given)] = Field(
        None, description="created at or after this instant"
    )
    created_before: Annotated[Instant | None, Where(lambda columns, given: columns.created_at < given)] = Field(
        None, description="created before this instant"
    )

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


def of_domain(columns: Columns, given: str) -> Any:
    """Return the condition for a domain's name, on its own table or on one with ``domain_id``."""
    try:
        host = normalise_host(given)
    except HostError:
        host = given  # is stored nowhere
    if "domain" in columns:
        return columns.domain == host
    return columns.domain_id.in_(select(Domain.id).where(Domain.domain == host))


def _of_url(columns: Columns, given: str) -> Any:
    """Return the condition for a URL, which is unique within its domain: look for it on each domain that its host is on."""
    try:
        labels = normalise_host(given).split(".")
    except HostError:
        labels = []
    hosts = [".".join(labels[start:]) for start in range(len(labels) - 1)]
    on_domain = columns.domain_id.in_(select(Domain.id).where(Domain.domain.in_(hosts)))
    return on_domain & (columns.url == (normalise_url(given) or given))


class OfDomain(Filter):
    """The filters of resources whose records belong to a domain."""

    domain_id: Annotated[Id | None, INDEXED] = None
    domain: Annotated[str | None, Where(of_domain, indexed=True)] = Field(
        None, description="the domain's host name, or a url on it"
    )


class OfUrl(OfDomain, Named):
    """The filters of resources whose records are URLs of a domain."""

    url: Annotated[str | None, Where(_of_url, indexed=True)] = Field(None, description="this url, on its own domain")
    host: Annotated[str | None, Where(lambda columns, given: func.split_part(columns.url, "/", 3) == given.lower())] = (
        Field(None, description="the url's host, with its port if it has one")
    )


def typed(model: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return texts as the fields of ``model`` have them in JSON: numbers, true and false as a flag."""
    known = model.model_fields
    return {name: _typed(value, known[name].annotation) if name in known else value for name, value in given.items()}


def _typed(value: Any, annotation: Any) -> Any:
    if _allows(annotation, bool) and value in FLAGS:
        return FLAGS[value]
    if _allows(annotation, float) and DECIMAL.fullmatch(value):
        return float(value)
    return int(value) if _allows(annotation, int) and DIGITS.fullmatch(value) else value


def _allows(annotation: Any, kind: type) -> bool:
    return annotation is kind or any(_allows(part, kind) for part in get_args(annotation))


@dataclass
class Conditions:
    """WHERE conditions, all of which must hold: those whose records an index finds, and the ``others``.

    ``few``: so few records meet the ``indexed`` ones that they are read all and then sorted, whatever the planner expects.
    """

    indexed: list[ColumnElement[bool]] = field(default_factory=list)
    others: list[ColumnElement[bool]] = field(default_factory=list)
    few: bool = False

    @property
    def all(self) -> list[ColumnElement[bool]]:
        """All conditions."""
        return self.indexed + self.others


def conditions(connection: Connection, model: type[Recorded], wanted: Filter) -> Conditions:
    """Return the conditions for records of ``model`` that match ``wanted``."""
    columns, found = model.__table__.c, Conditions()
    for name, value in wanted.given().items():
        metadata = type(wanted).model_fields[name].metadata
        where = next((one for one in metadata if isinstance(one, Where)), Where())
        indexed = where.indexed
        if name == "search":
            condition, indexed = _search(connection, columns[wanted.searched], value)
            found.few = indexed
        elif where.condition is not None:
            condition = where.condition(columns, value)
        elif isinstance(value, Status):
            condition, indexed = _in_status(columns, name, value)
        elif name.endswith("error"):
            found.indexed.append(columns[f"{name}_code"].is_not(None))
            condition = columns[name].icontains(value, autoescape=True)
        else:
            condition, indexed = columns[name] == value, indexed or name.endswith("error_code")
        (found.indexed if indexed else found.others).append(condition)
    return found


def _in_status(columns: Columns, field: str, wanted: Status) -> tuple[ColumnElement[bool], bool]:
    """Return the condition, and whether an index finds its records: no index may contain a status (models/base.py)."""
    condition = columns[field] == wanted
    if wanted is Status.ERROR:
        return condition & columns[field.removesuffix("status") + "error_code"].is_not(None), True
    if wanted is Status.PROCESSING:
        table = columns.id.table.name
        workflow = next(name for name, one in WORKFLOWS.items() if (one.table, one.field) == (table, field))
        live = "ARRAY(SELECT record_id FROM attempts WHERE workflow = :workflow AND finished_at IS NULL)"
        return condition & (columns.id == func.any(text(live).bindparams(workflow=workflow))), True
    return condition, False


SEARCHED = """
SELECT id FROM {table} WHERE lower({column}) LIKE '%' || lower(:given) || '%' ESCAPE '/' LIMIT :most + 1
"""
INDEX_ONLY = {"enable_seqscan": "off", "enable_indexscan": "off", "enable_indexonlyscan": "off"}
TRIGRAM = re.compile(r"[^\W_]{3}")
"""What a text must contain so that an index of trigrams finds it."""
MOST_FOUND = 5_000
"""Records that a search finds by its index. What more records contain is met often enough in the order of the listing."""


def _search(connection: Connection, column: Any, given: str) -> tuple[ColumnElement[bool], bool]:
    """Return the condition of a search, and whether an index finds its records.

    The index exists where the database may have the extension pg_trgm. The planner cannot guess how many records contain
    a text, so their ids are read from the index first.
    """
    table, condition = column.table, column.icontains(given, autoescape=True)
    index = select(func.to_regclass(f"ix_{table.name}_search").is_not(None))
    if not TRIGRAM.search(given) or not connection.execute(index).scalar_one():
        return condition, False
    set_planner(connection, INDEX_ONLY)
    pattern = given.replace("/", "//").replace("%", "/%").replace("_", "/_")
    searched = text(SEARCHED.format(table=table.name, column=column.name))
    ids = connection.execute(searched, {"given": pattern, "most": MOST_FOUND}).scalars().all()
    set_planner(connection, dict.fromkeys(INDEX_ONLY, "on"))
    if len(ids) > MOST_FOUND:
        return condition, False
    return table.c.id == func.any(literal(sorted(ids), ARRAY(BigInteger))), True


def set_planner(connection: Connection, settings: Mapping[str, str]) -> None:
    """Change settings of the planner until the end of the transaction."""
    connection.execute(select(*(func.set_config(name, value, True) for name, value in settings.items())))
