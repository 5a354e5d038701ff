"""A workflow: one model, one watched status field, one job. Its names are the only identifiers that enter our SQL."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import TextClause, text

from scrapersky import models

if TYPE_CHECKING:
    from scrapersky.models.base import Recorded


@dataclass(frozen=True, slots=True)
class Workflow:
    """The step ``name``, driven by the status field ``field`` of ``model_name``, whose rows are in ``table``."""

    name: str
    model_name: str
    field: str
    table: str
    host: str | None = None  #: the column that names a record's host, where many records share one

    @classmethod
    def watching(cls, name: str, watched: str, *, table: str, host: str | None = None) -> "Workflow":
        """The workflow ``name`` on a status field such as ``"Domain.status"``.

        All in names, as a tick needs no more: mapping the models takes longer than all that it does.
        """
        model_name, _, field = watched.partition(".")
        return cls(name, model_name, field, table, host)

    @property
    def watched(self) -> str:
        """The field as people say it: ``Domain.status``."""
        return f"{self.model_name}.{self.field}"

    @property
    def model(self) -> "type[Recorded]":
        """The mapped class of its records, mapped now if nobody asked before."""
        model: type[Recorded] = getattr(models, self.model_name)
        return model

    @property
    def prefix(self) -> str:
        """What the companions' names start with: ``deep_scan_`` for ``deep_scan_status``, nothing for ``status``."""
        return self.field.removesuffix("status")

    def companion(self, name: str) -> str:
        """The column of a companion: ``due_at``, ``failures``, ``error_code`` or ``error``."""
        return f"{self.prefix}{name}"

    def statement(self, template: str) -> TextClause:
        """:meth:`sql`, as a statement with parameters; made once for each template."""
        return _statement(self, template)

    def sql(self, template: str) -> str:
        """``template`` with ``{table}``, ``{status}``, ``{host}``, ``{due_at}``, ``{failures}``, ``{error_code}``, ``{error}``
        filled in, and ``{workflow}`` as a literal."""
        return template.format(
            table=self.table,
            workflow=f"'{self.name}'",
            status=self.field,
            host=self.host or "id",
            **{name: self.companion(name) for name in ("due_at", "failures", "error_code", "error")},
        )


@cache
def _statement(workflow: Workflow, template: str) -> TextClause:
    return text(workflow.sql(template))
