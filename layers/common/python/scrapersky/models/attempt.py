"""Attempts: lease, fence and history of all work, in one narrow table."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from scrapersky.models.base import AUTOVACUUM, UNCOUNTED, Base, in_range
from scrapersky.vocabulary import AttemptId, RecordId


class Attempt(Base):
    """One attempt at one record. ``attempt_id`` is the fence: it carries its second, so that it is never used again, also
    not after the database was restored. The database sets it (``number_attempt`` in ``migrations/guard.sql``).

    A unique index allows one live attempt (``finished_at`` null) per record. ``lease_until`` is in no index, so that
    starting an attempt is a heap-only update.
    """

    __tablename__ = "attempts"
    __table_args__ = (
        CheckConstraint("(finished_at IS NULL) = (outcome IS NULL)", name="outcome_exactly_when_finished"),
        CheckConstraint(in_range("lease_until"), name="lease_until_in_range"),
        Index("uq_attempts_one_live", "workflow", "record_id", unique=True, postgresql_where="finished_at IS NULL"),
        Index("ix_attempts_history", "workflow", "record_id", "attempt_id"),
        {"postgresql_with": {"fillfactor": "80", **AUTOVACUUM}},
    )

    attempt_id: Mapped[AttemptId] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, comment="unix seconds * 10^6 + a cycling number"
    )
    workflow: Mapped[str]
    record_id: Mapped[RecordId] = mapped_column(BigInteger)
    trigger: Mapped[str] = mapped_column(comment="schedule | manual | pull")
    dispatched_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    lease_until: Mapped[datetime]
    finished_at: Mapped[datetime | None] = mapped_column(info=UNCOUNTED)
    outcome: Mapped[str | None] = mapped_column(comment="AttemptOutcome")
    code: Mapped[str | None] = mapped_column(comment="what exactly: imported, empty, http_404, timeout, …")
    detail: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    worker: Mapped[str | None] = mapped_column(comment="function name and version")
    request_id: Mapped[str | None] = mapped_column(comment="Lambda request that started it")
