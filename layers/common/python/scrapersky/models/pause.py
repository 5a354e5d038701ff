"""Pauses: who stopped the claims of a workflow, when, why, and who resumed them."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from scrapersky.models.base import Base


class Pause(Base):
    """One pause of one workflow. The open row (``resumed_at`` null) is the current pause, until ``paused_until``."""

    __tablename__ = "pauses"
    __table_args__ = (
        CheckConstraint("(resumed_at IS NULL) = (resumed_by IS NULL)", name="resumed_by_exactly_when_resumed"),
        Index("uq_pauses_one_open", "workflow", unique=True, postgresql_where="resumed_at IS NULL"),
    )

    pause_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    workflow: Mapped[str]
    paused_at: Mapped[datetime] = mapped_column(server_default=func.now())
    paused_until: Mapped[datetime | None] = mapped_column(comment="null: until it is resumed")
    paused_by: Mapped[str]
    pause_reason: Mapped[str]
    resumed_at: Mapped[datetime | None]
    resumed_by: Mapped[str | None]
    resume_reason: Mapped[str | None]
