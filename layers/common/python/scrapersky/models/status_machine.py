"""The tables of the status machine: attempts, status changes, pauses, ticks, and erasures of history."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, PrimaryKeyConstraint, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from scrapersky.models.base import AUTOVACUUM, UNCOUNTED, Base, in_range, work_status
from scrapersky.vocabulary import AttemptId, RecordId, Status


class Attempt(Base):
    """One attempt at one record: its lease, fence and history.

    ``attempt_id`` is the fence: it carries its second, so that it is never used again, also not after the database was
    restored. The database sets it (``number_attempt`` in ``migrations/guard.sql``).

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


class StatusEvent(Base):
    """One transition of one watched field, written by a trigger. ``from_status`` is null when the record is created.

    The key serves the timeline of a record; ``at`` has the smallest of indexes, for what is older than a date. What people
    requested has a reason that no service gives, and an index of its own: it is few.
    """

    __tablename__ = "status_events"
    __table_args__ = (
        PrimaryKeyConstraint("workflow", "record_id", "event_id"),
        Index("ix_status_events_at", "at", postgresql_using="brin", postgresql_with={"autosummarize": "on"}),
        Index(
            "ix_status_events_people",
            "event_id",
            postgresql_where="reason NOT LIKE 'handed off by %' AND reason NOT LIKE 'last read more than %'",
        ),
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


class ServiceControl(Base):
    """The heartbeat of one workflow. A missing row means: never ticked. Pauses are :class:`~scrapersky.models.Pause`."""

    __tablename__ = "service_controls"

    workflow: Mapped[str] = mapped_column(primary_key=True)
    last_tick_at: Mapped[datetime]
    refreshed_at: Mapped[datetime | None] = mapped_column(comment="where the last refresh stopped, with refreshed_id")
    refreshed_id: Mapped[int | None]


class Erasure(Base):
    """One call of ``erase_history`` or ``erase_subject`` (``migrations``), which alone write this table."""

    __tablename__ = "erasures"

    erasure_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    workflow: Mapped[str] = mapped_column(comment="* for an erasure in every table")
    record_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor: Mapped[str]
    reason: Mapped[str]
    attempts: Mapped[int] = mapped_column(server_default="0", comment="attempts whose detail was removed")
    events: Mapped[int] = mapped_column(server_default="0", comment="events whose reason was removed")
    changed: Mapped[dict[str, int] | None] = mapped_column(
        JSONB, comment="rows changed by table, for an erasure in every table"
    )


class PendingAttemptCheck(Base):
    """One attempt that a statement made or ended without its record. The guard checks it at the commit and deletes it."""

    __tablename__ = "pending_attempt_checks"

    workflow: Mapped[str] = mapped_column(primary_key=True)
    record_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    attempt_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
