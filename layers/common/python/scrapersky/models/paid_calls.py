"""Paid calls: the number made per day, in total and per record, which caps the cost."""

from datetime import date

from sqlalchemy import Date, Integer
from sqlalchemy.orm import Mapped, mapped_column

from scrapersky.models.base import Base


class PaidCalls(Base):
    """Calls of one ``budget`` on one day (UTC); ``key`` is a record, or empty for the day's total."""

    __tablename__ = "paid_calls"
    __table_args__ = ({"postgresql_with": {"fillfactor": "50"}},)

    budget: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    calls: Mapped[int] = mapped_column(Integer)
