"""A workflow: one model, one watched status field, one job. Only its names enter SQL as identifiers."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import TextClause, text

from scrapersky.status.sql import FRAGMENTS

if TYPE_CHECKING:
    from scrapersky.models.base import Recorded


@dataclass(frozen=True, slots=True)
class Workflow:
    """The workflow ``name``, driven by the status field ``field`` of ``model_name``, whose rows are in ``table``.

    The model and the job are given by name because a tick needs neither, and importing them takes longer than a tick.
    """

    name: str
    model_name: str
    field: str
    table: str
    key: str  #: the column with a record's natural key; ``domain_id`` stands for the domain's name
    job: str  #: ``"module:function"``
    host: str | None = None  #: the column with a record's host, where many records share one
    uses_web: bool = True  #: the job reads websites
    uses_places_api: bool = False  #: the job makes paid calls of the Google Places API
    page_function: str | None = None  #: ``"module:function"`` that reads a page, in the child process
    makes: tuple[str, ...] = ()  #: the tables of the records that the job makes or finds, to be handed off
    read_at: str | None = None  #: the column with the time of the last reading, by which old records are refreshed

    @classmethod
    def watching(
        cls,
        name: str,
        watched: str,
        *,
        table: str,
        key: str,
        job: str,
        host: str | None = None,
        uses_web: bool = True,
        uses_places_api: bool = False,
        page_function: str | None = None,
        makes: tuple[str, ...] = (),
        read_at: str | None = None,
    ) -> "Workflow":
        """Return the workflow ``name`` on a status field such as ``"Domain.status"``."""
        model_name, _, field = watched.partition(".")
        own = (host, uses_web, uses_places_api, page_function, makes, read_at)
        return cls(name, model_name, field, table, key, job, *own)

    @property
    def needs_web_client(self) -> bool:
        """Whether the job sends requests, to websites or to the Google Places API."""
        return self.uses_web or self.uses_places_api

    @property
    def watched(self) -> str:
        """The qualified name of the field: ``Domain.status``."""
        return f"{self.model_name}.{self.field}"

    @property
    def model(self) -> "type[Recorded]":
        """The mapped class of its records. The first access imports the models."""
        # Imported here because mapping the tables takes a quarter of a tick's cold start, and a tick uses SQL only.
        from scrapersky import models  # noqa: PLC0415

        model: type[Recorded] = getattr(models, self.model_name)
        return model

    @property
    def prefix(self) -> str:
        """The prefix of the companion columns: ``deep_scan_`` for ``deep_scan_status``, empty for ``status``."""
        return self.field.removesuffix("status")

    def companion(self, name: str) -> str:
        """Return the column of a companion: ``due_at``, ``failures``, ``error_code`` or ``error``."""
        return f"{self.prefix}{name}"

    @property
    def natural_key(self) -> str:
        """The SQL expression of a record's natural key."""
        domain = f"(SELECT domain FROM domains WHERE domains.id = {self.table}.domain_id)"
        return domain if self.key == "domain_id" else f"{self.table}.{self.key}"

    def statement(self, template: str) -> TextClause:
        """Return :meth:`sql` as a statement with parameters, cached per template."""
        return _statement(self, template)

    def sql(self, template: str) -> str:
        """Return ``template`` with this workflow's names and the :data:`~scrapersky.status.sql.FRAGMENTS` filled in.

        The names are ``{table}``, ``{status}``, ``{key}``, ``{host}``, ``{due_at}``, ``{failures}``, ``{error_code}``,
        ``{error}``, ``{name}``, and ``{workflow}`` as a literal.
        """
        names = {
            "table": self.table,
            "name": self.name,
            "workflow": f"'{self.name}'",
            "status": self.field,
            "key": self.natural_key,
            "host": self.host or "id",
            **{name: self.companion(name) for name in ("due_at", "failures", "error_code", "error")},
        }
        return template.format(**names, **{name: sql.format(**names) for name, sql in FRAGMENTS.items()})


@cache
def _statement(workflow: Workflow, template: str) -> TextClause:
    return text(workflow.sql(template))
