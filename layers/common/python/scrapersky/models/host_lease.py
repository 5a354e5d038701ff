"""Host leases: which worker may send requests to which website now."""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from scrapersky.models.base import AUTOVACUUM, Base


class HostLease(Base):
    """A host that is leased by one worker, or cools down, until ``held_until``. A host without a valid row is free."""

    __tablename__ = "host_leases"
    __table_args__ = (
        Index("ix_host_leases_held_until", "held_until"),
        {"postgresql_with": AUTOVACUUM},
    )

    host: Mapped[str] = mapped_column(primary_key=True, comment="without a leading www.")
    holder: Mapped[str | None] = mapped_column(comment="the invocation that leases it; null: it cools down")
    held_until: Mapped[datetime]
