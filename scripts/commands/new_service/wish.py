"""What is asked for, checked against the tree before anything is written: every refusal says what would be right."""

import importlib.util
import inspect
import keyword
import re
from dataclasses import dataclass
from pathlib import Path

from scrapersky.models import Base
from scrapersky.models.base import Recorded, work_status
from scrapersky.runtime import registry
from scrapersky.runtime.registry import SERVICES, WORKFLOWS

COMPANIONS = ("due_at", "failures", "error_code", "error")
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
IDENTIFIER = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
LONGEST_NAME = 32
"""A function is named scrapersky-<stage>-<name>, and AWS takes 64 characters."""
LONGEST_WORKFLOW = 40
"""A trigger is named audit_<workflow>_status_created, and Postgres takes 63 characters."""


class Refused(ValueError):
    """The service cannot be made so; the message names the thing, its value, and what would be right."""


@dataclass(frozen=True)
class Wish:
    """A service to be: one workflow, ``workflow``, on ``model.field``, with the job ``job``. Names are as the code has them."""

    service: str
    model: type[Recorded]
    field: str
    job: str
    workflow: str
    host: str | None = None

    @property
    def folder(self) -> str:
        """The package in ``functions/``."""
        return self.service.replace("-", "_")

    @property
    def constant(self) -> str:
        """The service's name in the registry, which is its settings' prefix too."""
        return self.folder.upper()

    @property
    def workflow_constant(self) -> str:
        """The workflow's name in the registry."""
        return self.workflow.upper()

    @property
    def module(self) -> str:
        """The job's module in the package."""
        return (
            f"{self.workflow}_job" if keyword.iskeyword(self.workflow) or self.workflow == "handler" else self.workflow
        )

    @property
    def prefix(self) -> str:
        """What the companions' names start with."""
        return self.field.removesuffix("status")

    @property
    def is_new_field(self) -> bool:
        """Whether the model has no such field yet."""
        return self.field not in self.model.__table__.columns

    @property
    def model_file(self) -> Path:
        """Where the model is written."""
        return Path(inspect.getfile(self.model))


def wished(
    service: str, model: str, field: str, job: str, workflow: str | None = None, host: str | None = None
) -> Wish:
    """The wish, or :class:`Refused`."""
    if not NAME.fullmatch(service) or len(service) > LONGEST_NAME:
        raise Refused(
            f"service {service!r}: lower-case words with hyphens are right, at most {LONGEST_NAME} characters, "
            "such as contact-finder"
        )
    for what, value in (("--field", field), ("--job", job), ("--workflow", workflow)):
        if value is not None and (not IDENTIFIER.fullmatch(value) or (keyword.iskeyword(value) and what == "--job")):
            raise Refused(
                f"{what} {value!r}: a lower-case Python name is right, such as contact_status or find_contacts"
            )
    if field != "status" and not field.endswith("_status"):
        raise Refused(f"--field {field!r}: status, or a name that ends in _status, is right: its companions follow it")
    wish = Wish(
        service=service,
        model=_model(model),
        field=field,
        job=job,
        workflow=workflow or field.removesuffix("status").rstrip("_") or job,
        host=host,
    )
    _refuse_taken_names(wish)
    _refuse_unfit_field(wish)
    return wish


def _model(name: str) -> type[Recorded]:
    models = {mapper.class_.__name__: mapper.class_ for mapper in Base.registry.mappers}
    watchable = sorted(known for known, one in models.items() if issubclass(one, Recorded))
    if name not in watchable:
        why = "is no table of records" if name in models else "is no model"
        raise Refused(f"--model {name!r} {why}; a service may watch {', '.join(watchable)}")
    found: type[Recorded] = models[name]
    return found


def _refuse_taken_names(wish: Wish) -> None:
    if wish.service in {service.name for service in SERVICES}:
        raise Refused(f"service {wish.service!r} is in the registry already; another name is right")
    if importlib.util.find_spec(wish.folder) is not None:
        raise Refused(
            f"service {wish.service!r}: a module {wish.folder!r} can be imported already; another name is right"
        )
    if wish.workflow in WORKFLOWS:
        raise Refused(f"workflow {wish.workflow!r} is in the registry already; --workflow NAME gives another")
    if len(wish.workflow) > LONGEST_WORKFLOW:
        raise Refused(f"workflow {wish.workflow!r}: at most {LONGEST_WORKFLOW} characters are right; --workflow NAME")
    constants = (wish.constant, wish.workflow_constant)
    for constant in constants:
        if hasattr(registry, constant) or constants.count(constant) > 1:
            raise Refused(f"{constant} would have two meanings in the registry; --workflow NAME gives another")


def _refuse_unfit_field(wish: Wish) -> None:
    table, name = wish.model.__table__, f"{wish.model.__name__}.{wish.field}"
    for workflow in WORKFLOWS.values():
        if (workflow.model, workflow.field) == (wish.model, wish.field):
            raise Refused(f"--field {name} belongs to the workflow {workflow.name}; a status field has one owner")
    if wish.host is not None and wish.host not in table.columns:
        raise Refused(
            f"--host {wish.host!r} is no column of {wish.model.__tablename__}; there are: {', '.join(table.columns.keys())}"
        )
    there = [companion for companion in COMPANIONS if f"{wish.prefix}{companion}" in table.columns]
    if wish.is_new_field:
        if there:
            raise Refused(
                f"--field {name}: {wish.model.__tablename__} has {wish.prefix}{there[0]}, which would be its companion"
            )
        return
    if getattr(table.columns[wish.field].type, "name", None) != work_status.name:
        raise Refused(f"--field {name} is no {work_status.name} (curation fields are people's); a new field is right")
    if missing := [f"{wish.prefix}{one}" for one in COMPANIONS if one not in there]:
        raise Refused(f"--field {name} is there without its companions: {', '.join(missing)}")
