"""Service controls: the pause and the last tick of each workflow. They survive deployments."""

from datetime import datetime

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from scrapersky.models.base import Base


class ServiceControl(Base):
    """The controls of one workflow. A missing row means: never ticked, not paused."""

    __tablename__ = "service_controls"

    workflow: Mapped[str] = mapped_column(primary_key=True)
    paused_at: Mapped[datetime | None]
    paused_until: Mapped[datetime | None] = mapped_column(comment="null while paused: paused until resumed")
    paused_by: Mapped[str | None]
    pause_reason: Mapped[str | None]
    last_tick_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
