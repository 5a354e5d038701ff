"""Status events: the append-only audit of every status change, written by a trigger."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, Index, PrimaryKeyConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from scrapersky.models.base import Base, work_status
from scrapersky.vocabulary import Status


class StatusEvent(Base):
    """One transition of one watched field. ``from_status`` is null when the record is created.

    The key serves the timeline of a record; ``at`` has the smallest of indexes, for what is older than a date.
    """

    __tablename__ = "status_events"
    __table_args__ = (
        PrimaryKeyConstraint("workflow", "record_id", "event_id"),
        Index("ix_status_events_at", "at", postgresql_using="brin", postgresql_with={"autosummarize": "on"}),
    )

    event_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    workflow: Mapped[str]
    record_id: Mapped[int]
    from_status: Mapped[Status | None] = mapped_column(work_status)
    to_status: Mapped[Status] = mapped_column(work_status)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    actor: Mapped[str] = mapped_column(comment="scrapersky.actor, else application_name, else the role")
    attempt_id: Mapped[int | None]
    reason: Mapped[str | None]
    error_code: Mapped[str | None]
