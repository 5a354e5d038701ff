"""Lists of records on the console: the filters that :mod:`scrapersky.lists` declares, as forms and as requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from http import HTTPStatus
from typing import Any, TypeVar, get_args

from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import BaseModel, ValidationError, create_model
from sqlalchemy import Connection, text

from api.dependencies import dependencies_of
from api.listing import read_listing
from api.problem import Problem, invalid
from api.resource import Paging, Resource, View
from api.resources import RESOURCES
from scrapersky.lists.filters import PAGING, Filter, typed
from scrapersky.runtime.registry import WORKFLOWS
from scrapersky.status.workflow import Workflow

M = TypeVar("M", bound=BaseModel)
BY_TABLE: Mapping[str, Resource[View]] = {resource.name: resource for resource in RESOURCES}

DOMAINS = text("SELECT id, domain FROM domains WHERE id = ANY(CAST(:ids AS bigint[]))")


@dataclass(frozen=True)
class Field:
    """One filter in a form. ``options``: its only values, none for a free text."""

    name: str
    hint: str
    options: Sequence[str]


@dataclass(frozen=True)
class Listed:
    """One page of records. ``filters``: the conditions that they meet, as the form gave them; ``next``: a cursor."""

    rows: Sequence[Any]
    filters: Mapping[str, str]
    next: str | None
    count: int | None


def workflow_named(name: str) -> Workflow:
    """Return the workflow. Raises a 404."""
    if name not in WORKFLOWS:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no workflow {name!r}; valid workflows: {', '.join(WORKFLOWS)}")
    return WORKFLOWS[name]


def resource_named(table: str) -> Resource[View]:
    """Return the resource of a table. Raises a 404."""
    if table not in BY_TABLE:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no list of {table!r}; valid lists: {', '.join(BY_TABLE)}")
    return BY_TABLE[table]


def validated(model: type[M], given: Mapping[str, Any]) -> M:
    """Return ``model`` of what a form or a query gives. Raises a 422 that names the first invalid field."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or "form"
        message = problem["msg"].removeprefix("Value error, ")
        raise invalid(where, f"{where}: {message}") from None


def filter_of(resource: Resource[View], given: Mapping[str, str]) -> Filter:
    """Return the filter that the texts of a form state. Raises a 422."""
    return validated(resource.filters, typed(resource.filters, given))


@cache
def _query(resource_name: str) -> type[Paging]:
    bases: tuple[Any, ...] = (Paging, BY_TABLE[resource_name].filters)
    return create_model(f"{resource_name}_query", __base__=bases)


@cache
def fields_of(resource_name: str) -> Sequence[Field]:
    """Return the filters of a resource, in the order of their declaration."""
    fields = BY_TABLE[resource_name].filters.model_fields
    return [Field(name, one.description or "", _options(one.annotation)) for name, one in fields.items()]


def _options(annotation: Any) -> Sequence[str]:
    if annotation is bool:
        return ("true", "false")
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return [member.value for member in annotation]
    return next((found for part in get_args(annotation) if (found := _options(part))), ())


def read_list(router: Router, resource: Resource[View], given: Mapping[str, str], fixed: Mapping[str, str]) -> Listed:
    """Return the page of ``resource`` that the parameters ``given`` ask for, newest first unless they say otherwise.

    ``fixed`` are conditions that the page itself adds. Raises a 422.
    """
    query = validated(_query(resource.name), {"order": "-id", **given, **fixed})
    if query.order.removeprefix("-") not in resource.view.model_fields:
        raise invalid("order", f"order: {query.order!r} is no column of {resource.name}")
    listing = read_listing(router, resource, query)
    rows = [dict(item) for item in listing.items]
    if rows and "domain_id" in rows[0]:
        with dependencies_of(router).database.autocommit() as connection:
            names = domains_of(connection, [row["domain_id"] for row in rows if row["domain_id"]])
        rows = [{**row, "domain": names.get(row["domain_id"])} for row in rows]
    filters = {name: value for name, value in {**given, **fixed}.items() if name not in PAGING}
    return Listed(rows, filters, listing.next, listing.count)


def domains_of(connection: Connection, ids: Sequence[int]) -> Mapping[int, str]:
    """Return the names of domains by their ids."""
    return {row.id: row.domain for row in connection.execute(DOMAINS, {"ids": sorted(set(ids))})}
