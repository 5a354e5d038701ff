"""Pending attempt checks: attempts that contradict their records until the commit. Empty between transactions."""

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from scrapersky.models.base import Base


class PendingAttemptCheck(Base):
    """One attempt that a statement made or ended without its record. The guard checks it at the commit and deletes it."""

    __tablename__ = "pending_attempt_checks"

    workflow: Mapped[str] = mapped_column(primary_key=True)
    record_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    attempt_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
