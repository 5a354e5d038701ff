"""Sitemaps: the sitemap scan of each domain."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, deferred, mapped_column, relationship

from scrapersky.models import base
from scrapersky.models.domain import Domain
from scrapersky.vocabulary import Curation, Status


class Sitemap(base.Recorded):
    """The sitemap scan of one domain, unique by ``domain_id``. Workflow: discovery, on ``status``."""

    __tablename__ = "sitemaps"
    __table_args__ = (
        UniqueConstraint("domain_id"),
        *base.listed("sitemaps"),
        Index("ix_sitemaps_scanned_at", "scanned_at", "id", postgresql_where="scanned_at IS NOT NULL"),
        *base.watched_constraints("sitemaps"),
        {"postgresql_with": base.WATCHED_STORAGE},
    )

    domain_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("domains.id"))
    domain: Mapped[Domain] = relationship(lazy="joined", innerjoin=True)

    files_found: Mapped[int | None] = mapped_column(Integer, comment="valid sitemap files of the last scan")
    requests_made: Mapped[int | None] = mapped_column(Integer)
    scanned_at: Mapped[datetime | None]
    report: Mapped[list[dict[str, Any]] | None] = deferred(
        mapped_column(JSONB, comment='everything tried: [{"url", "method", "result", "http_status", "type", "urls"}]')
    )

    curation_status: Mapped[Curation] = base.curated()

    status: Mapped[Status] = base.watched()
    due_at: Mapped[datetime | None] = base.due_at()
    failures: Mapped[int] = base.failures()
    error_code: Mapped[str | None] = base.error_code()
    error: Mapped[str | None] = base.error_text()
