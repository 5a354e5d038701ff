"""Sitemap files: found by discovery, each imported separately."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from scrapersky.models import base
from scrapersky.models.domain import Domain
from scrapersky.vocabulary import Curation, Status


class SitemapFile(base.Recorded):
    """One sitemap file, unique by (``domain_id``, ``url``). Workflow: import, on ``sitemap_import_status``."""

    __tablename__ = "sitemap_files"
    __table_args__ = (
        UniqueConstraint("domain_id", "url"),
        *base.listed("sitemap_files"),
        Index("ix_sitemap_files_http_status", "http_status", "id"),
        *base.watched_constraints("sitemap_files", "sitemap_import_", host="domain_id"),
        {"postgresql_with": base.WATCHED_STORAGE},
    )

    domain_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("domains.id"))
    domain: Mapped[Domain] = relationship(lazy="joined", innerjoin=True)
    sitemap_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("sitemaps.id"), index=True)
    url: Mapped[str]
    parent_url: Mapped[str | None] = mapped_column(comment="the index or page that named it")
    sitemap_type: Mapped[str | None] = mapped_column(comment="SitemapType")
    discovery_method: Mapped[str] = mapped_column(comment="DiscoveryMethod")
    http_status: Mapped[int | None] = mapped_column(SmallInteger)
    size_bytes: Mapped[int | None] = mapped_column(comment="as sent, before unpacking")
    url_count: Mapped[int | None] = mapped_column(Integer)
    has_lastmod: Mapped[bool | None]
    is_gzip: Mapped[bool | None]
    is_valid: Mapped[bool | None]
    invalid_reason: Mapped[str | None]
    broken_at: Mapped[str | None] = mapped_column(comment="where the body broke, when only a part could be read")
    etag: Mapped[str | None] = mapped_column(comment="of the last import, for a conditional GET")
    last_modified: Mapped[str | None] = mapped_column(comment="the Last-Modified header of the last import")
    imported_at: Mapped[datetime | None]
    pages_found: Mapped[int | None] = mapped_column(Integer, comment="distinct pages of the last import")

    curation_status: Mapped[Curation] = base.curated()

    sitemap_import_status: Mapped[Status] = base.watched()
    sitemap_import_due_at: Mapped[datetime | None] = base.due_at()
    sitemap_import_failures: Mapped[int] = base.failures()
    sitemap_import_error_code: Mapped[str | None] = base.error_code()
    sitemap_import_error: Mapped[str | None] = base.error_text()
