"""Exports: files with the records of a table that match filters."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from scrapersky.models import base
from scrapersky.vocabulary import Status


class Export(base.Recorded):
    """One file in the stage's bucket, which keeps it for a day. Workflow: export, on ``status``."""

    __tablename__ = "exports"
    __table_args__ = (
        UniqueConstraint("object_key"),
        Index("ix_exports_tenant_id", "tenant", "id"),
        *base.watched_constraints("exports"),
        {"postgresql_with": base.WATCHED_STORAGE},
    )

    object_key: Mapped[str] = mapped_column(comment="of the file in the bucket")
    resource: Mapped[str] = mapped_column(comment="the table whose records it has")
    format: Mapped[str] = mapped_column(comment="csv | ndjson | xlsx")
    filters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    bom: Mapped[bool] = mapped_column(comment="a csv starts with a byte order mark")
    row_count: Mapped[int | None]
    size_bytes: Mapped[int | None]
    read_from: Mapped[datetime | None] = mapped_column(comment="when reading its rows began")
    written_at: Mapped[datetime | None]

    status: Mapped[Status] = base.watched()
    due_at: Mapped[datetime | None] = base.due_at()
    failures: Mapped[int] = base.failures()
    error_code: Mapped[str | None] = base.error_code()
    error: Mapped[str | None] = base.error_text()
