"""Unsettled: attempts that do not fit their records yet. Empty between transactions."""

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from scrapersky.models.base import Base


class Unsettled(Base):
    """One attempt that a statement made or ended beside its record; asked about again, and gone, at the commit."""

    __tablename__ = "unsettled"

    attempt_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    workflow: Mapped[str]
    record_id: Mapped[int]
