"""A workflow: one model, one watched status field, one job. Its names are the only identifiers that enter our SQL."""

from dataclasses import dataclass
from functools import cache
from typing import cast

from sqlalchemy import TextClause, text
from sqlalchemy.orm import InstrumentedAttribute

from scrapersky.models.base import Recorded
from scrapersky.models.vocabulary import Status


@dataclass(frozen=True, slots=True)
class Workflow:
    """The step ``name``, driven by the status field ``field`` of ``model``."""

    name: str
    model: type[Recorded]
    field: str
    host: str | None = None  #: the column that names a record's host, where many records share one

    @classmethod
    def watching(
        cls, name: str, attribute: InstrumentedAttribute[Status], host: InstrumentedAttribute[int] | None = None
    ) -> "Workflow":
        """The workflow ``name`` on a mapped status attribute such as ``Domain.status``."""
        model = cast(type[Recorded], attribute.class_)
        return cls(name=name, model=model, field=attribute.key, host=host.key if host is not None else None)

    @property
    def table(self) -> str:
        """The watched table's name."""
        return str(self.model.__tablename__)

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
