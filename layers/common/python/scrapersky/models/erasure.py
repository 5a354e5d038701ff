"""Erasures: who had text removed from the history of which records, and why."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from scrapersky.models.base import Base


class Erasure(Base):
    """One call of ``erase_history`` (``migrations/guard.sql``), which alone writes this table."""

    __tablename__ = "erasures"

    erasure_id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    workflow: Mapped[str]
    record_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor: Mapped[str]
    reason: Mapped[str]
    attempts: Mapped[int] = mapped_column(server_default="0", comment="attempts whose detail was removed")
    events: Mapped[int] = mapped_column(server_default="0", comment="events whose reason was removed")
