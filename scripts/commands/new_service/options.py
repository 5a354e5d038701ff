"""The options of a new service, checked against the tree before anything is written."""

import importlib.util
import inspect
import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Table, UniqueConstraint

from scrapersky.models import Base
from scrapersky.models.base import Recorded, work_status
from scrapersky.runtime import registry
from scrapersky.runtime.registry import SERVICES, WORKFLOWS

COMPANIONS = ("due_at", "failures", "error_code", "error")
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
IDENTIFIER = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
COLUMN_TYPES = {
    "text": ("str", "Text()"),
    "integer": ("int", "BigInteger()"),
    "boolean": ("bool", "Boolean()"),
    "time": ("datetime", "DateTime(timezone=True)"),
}
"""{type of a column for the result: (its type in Python, in SQLAlchemy)}."""
LONGEST_NAME = 32
"""A function is named scrapersky-<stage>-<name>; AWS allows 64 characters."""
LONGEST_WORKFLOW = 40
"""A trigger is named audit_<workflow>_status_created; Postgres allows 63 characters."""


class Rejected(ValueError):
    """The service cannot be written so; the message names the option, its value, and what is valid."""


@dataclass(frozen=True)
class Options:
    """A new service with one workflow on ``model.field``, whose job is the function ``job``. Raises :class:`Rejected`."""

    service: str
    model: type[Recorded]
    field: str
    job: str
    workflow: str
    host: str | None = None
    columns: tuple[tuple[str, str], ...] = ()
    uses_web: bool = True
    uses_places_api: bool = False
    named_key: str | None = None

    def __post_init__(self) -> None:
        _check_names(self)
        _check_unused(self)
        _check_host(self)
        _check_key(self)
        _check_field(self)
        _check_columns(self)

    @property
    def folder(self) -> str:
        """The package in ``functions/``."""
        return self.service.replace("-", "_")

    @property
    def constant(self) -> str:
        """The service's name in the registry, and the prefix of its settings."""
        return self.folder.upper()

    @property
    def workflow_constant(self) -> str:
        """The workflow's name in the registry."""
        return self.workflow.upper()

    @property
    def module(self) -> str:
        """The job's module in the package."""
        taken = keyword.iskeyword(self.workflow) or self.workflow == "handler"
        return f"{self.workflow}_job" if taken else self.workflow

    @property
    def prefix(self) -> str:
        """The prefix of the companion columns."""
        return self.field.removesuffix("status")

    @property
    def table(self) -> Table:
        """The model's table."""
        table = self.model.__table__
        assert isinstance(table, Table)
        return table

    @property
    def key(self) -> str:
        """The column that names a record for people: by default the last one of the table's unique constraint."""
        if self.named_key is not None:
            return self.named_key
        (unique,) = (one for one in self.table.constraints if isinstance(one, UniqueConstraint))
        return str(list(unique.columns)[-1].name)

    @property
    def is_new_field(self) -> bool:
        """Whether the field must be created."""
        return self.field not in self.table.columns

    @property
    def model_file(self) -> Path:
        """The file that defines the model."""
        return Path(inspect.getfile(self.model))


def parse(
    service: str,
    model: str,
    field: str,
    job: str,
    workflow: str | None = None,
    host: str | None = None,
    columns: Sequence[str] = (),
    uses_web: bool = True,
    *,
    places: bool = False,
    key: str | None = None,
) -> Options:
    """Return the options. Raises :class:`Rejected`."""
    models = {mapper.class_.__name__: mapper.class_ for mapper in Base.registry.mappers}
    watchable = sorted(
        name for name, one in models.items() if issubclass(one, Recorded) and hasattr(one, "curation_status")
    )
    if model not in watchable:
        why = "has no records to watch" if model in models else "does not exist"
        raise Rejected(f"--model {model!r} {why}; valid models: {', '.join(watchable)}")
    default = field.removesuffix("status").rstrip("_") or job
    named = tuple((name, kind) for name, _, kind in (column.partition(":") for column in columns))
    return Options(service, models[model], field, job, workflow or default, host, named, uses_web, places, key)


def _check_names(options: Options) -> None:
    if not NAME.fullmatch(options.service) or len(options.service) > LONGEST_NAME:
        raise Rejected(
            f"service {options.service!r} is not valid: write lower-case words joined by hyphens, at most {LONGEST_NAME} "
            "characters, such as contact-finder"
        )
    if keyword.iskeyword(options.folder):
        raise Rejected(f"service {options.service!r} is a Python keyword, so its package could not be imported")
    for option in ("field", "job", "workflow"):
        value = getattr(options, option)
        if not IDENTIFIER.fullmatch(value) or (keyword.iskeyword(value) and option == "job"):
            raise Rejected(f"--{option} {value!r} is not valid: write a lower-case Python name, such as contact_status")
    if options.field != "status" and not options.field.endswith("_status"):
        raise Rejected(f"--field {options.field!r} is not valid: write status, or a name that ends in _status")
    if len(options.workflow) > LONGEST_WORKFLOW:
        raise Rejected(
            f"workflow {options.workflow!r} is longer than {LONGEST_WORKFLOW} characters; use --workflow NAME"
        )


def _check_unused(options: Options) -> None:
    if options.service in {service.name for service in SERVICES}:
        raise Rejected(f"service {options.service!r} is already in the registry; choose another name")
    if importlib.util.find_spec(options.folder) is not None:
        raise Rejected(f"service {options.service!r}: a Python module {options.folder!r} exists; choose another name")
    if options.workflow in WORKFLOWS:
        raise Rejected(f"workflow {options.workflow!r} is already in the registry; use --workflow NAME")
    constants = (options.constant, options.workflow_constant)
    for constant in constants:
        if hasattr(registry, constant) or constants.count(constant) > 1:
            raise Rejected(f"{constant} would have two meanings in the registry; use --workflow NAME")


def _check_host(options: Options) -> None:
    valid = [
        column.name
        for column in options.table.columns
        if any(key.column.table.name == "domains" for key in column.foreign_keys)
    ]
    if options.host is not None and options.host not in valid:
        instead = f"valid columns: {', '.join(valid)}" if valid else "its records share no host; leave --host out"
        raise Rejected(f"--host {options.host!r} does not name the host of a row of {options.table.name}; {instead}")


def _check_key(options: Options) -> None:
    valid = sorted(column.name for column in options.table.columns if column.type.python_type is str)
    if options.named_key is not None and options.named_key not in valid:
        raise Rejected(
            f"--key {options.named_key!r} is no text of {options.table.name}; valid columns: {', '.join(valid)}"
        )


def _check_field(options: Options) -> None:
    columns, name = options.table.columns, f"{options.model.__name__}.{options.field}"
    owner = next((one for one in WORKFLOWS.values() if (one.model, one.field) == (options.model, options.field)), None)
    if owner:
        raise Rejected(f"--field {name} belongs to the workflow {owner.name}; a status field has one owner")
    existing = [companion for companion in COMPANIONS if f"{options.prefix}{companion}" in columns]
    if options.is_new_field:
        if existing:
            raise Rejected(
                f"--field {name}: its companion {options.prefix}{existing[0]} already exists; choose another name"
            )
    elif getattr(columns[options.field].type, "name", None) != work_status.name:
        raise Rejected(f"--field {name} is not a {work_status.name} column; name a new field, which is then created")
    elif missing := [f"{options.prefix}{one}" for one in COMPANIONS if one not in existing]:
        raise Rejected(f"--field {name} lacks its companion columns: {', '.join(missing)}")


def _check_columns(options: Options) -> None:
    if options.columns and not options.is_new_field:
        raise Rejected(f"--column goes with a new field, and {options.model.__name__}.{options.field} exists already")
    taken = {*options.table.columns.keys(), options.field, *(f"{options.prefix}{one}" for one in COMPANIONS)}
    for name, kind in options.columns:
        if not IDENTIFIER.fullmatch(name) or keyword.iskeyword(name) or kind not in COLUMN_TYPES:
            valid = ", ".join(COLUMN_TYPES)
            raise Rejected(
                f"--column '{name}:{kind}' is not valid: write a name and a type ({valid}), such as title:text"
            )
        if name in taken:
            raise Rejected(f"--column {name}: {options.table.name} has that column already; choose another name")
        taken.add(name)
