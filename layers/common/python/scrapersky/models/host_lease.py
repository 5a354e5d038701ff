"""Host leases: which worker speaks to which website now, so that all workers together are as polite as one."""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from scrapersky.models.base import AUTOVACUUM, Base


class HostLease(Base):
    """One host that is spoken to, or left alone, until ``held_until``. No row, or an old one, means: free."""

    __tablename__ = "host_leases"
    __table_args__ = (
        Index("ix_host_leases_held_until", "held_until"),
        {"postgresql_with": AUTOVACUUM},
    )

    host: Mapped[str] = mapped_column(primary_key=True, comment="without a leading www.")
    holder: Mapped[str | None] = mapped_column(comment="the invocation that speaks to it; null: nobody may for now")
    held_until: Mapped[datetime]
