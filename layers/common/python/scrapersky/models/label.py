"""Labels: the lists that records came in with."""

from datetime import datetime

from sqlalchemy import Index, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from scrapersky.models.base import Base


class Label(Base):
    """One label of one tenant (:mod:`scrapersky.runtime.labels`)."""

    __tablename__ = "labels"
    __table_args__ = (Index("ix_labels_not_done", "opened_at", postgresql_where="done_at IS NULL"),)

    tenant: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(primary_key=True)
    tables: Mapped[list[str]] = mapped_column(ARRAY(Text), comment="through which records came in")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    opened_at: Mapped[datetime] = mapped_column(
        server_default=func.clock_timestamp(), comment="when records came in last"
    )
    look_after: Mapped[datetime] = mapped_column(server_default=func.now(), comment="no tick looks for its end before")
    done_at: Mapped[datetime | None] = mapped_column(comment="when all of them had ended; null again when more come in")
