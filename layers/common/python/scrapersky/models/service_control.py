"""Service controls: the last tick of each workflow."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from scrapersky.models.base import Base


class ServiceControl(Base):
    """The heartbeat of one workflow. A missing row means: never ticked. Pauses are :class:`~scrapersky.models.Pause`."""

    __tablename__ = "service_controls"

    workflow: Mapped[str] = mapped_column(primary_key=True)
    last_tick_at: Mapped[datetime]
