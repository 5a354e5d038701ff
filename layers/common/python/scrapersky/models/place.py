"""Places: the results of a map search, before the deep scan."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from scrapersky.models import base
from scrapersky.vocabulary import Curation, Status


class Place(base.Recorded):
    """One Google place, unique by ``place_id``. Workflow: deep scan, on ``deep_scan_status``."""

    __tablename__ = "places"
    __table_args__ = (
        UniqueConstraint("place_id"),
        *base.listed("places", search="name"),
        Index("ix_places_search_query", "search_query", "id"),
        *base.watched_constraints("places", "deep_scan_"),
        Index(
            "ix_places_content",
            "created_at",
            postgresql_where="name IS NOT NULL OR formatted_address IS NOT NULL OR latitude IS NOT NULL",
        ),
        {"postgresql_with": base.WATCHED_STORAGE},
    )

    place_id: Mapped[str]
    name: Mapped[str | None]
    formatted_address: Mapped[str | None]
    search_query: Mapped[str | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    moved_to_place_id: Mapped[str | None] = mapped_column(comment="Google's id for the same place after a move")

    curation_status: Mapped[Curation] = base.curated()

    deep_scan_status: Mapped[Status] = base.watched()
    deep_scan_due_at: Mapped[datetime | None] = base.due_at()
    deep_scan_failures: Mapped[int] = base.failures()
    deep_scan_error_code: Mapped[str | None] = base.error_code()
    deep_scan_error: Mapped[str | None] = base.error_text()
