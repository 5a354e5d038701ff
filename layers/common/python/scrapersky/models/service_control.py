"""Service controls: what operators and the services themselves set for a workflow, surviving deploys."""

from datetime import datetime

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from scrapersky.models.base import Base


class ServiceControl(Base):
    """One workflow's switches and heartbeat. A missing row means: never ticked, not paused."""

    __tablename__ = "service_controls"

    workflow: Mapped[str] = mapped_column(primary_key=True)
    paused_at: Mapped[datetime | None]
    paused_until: Mapped[datetime | None] = mapped_column(comment="null while paused: until somebody resumes it")
    paused_by: Mapped[str | None]
    pause_reason: Mapped[str | None]
    last_tick_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
