"""Pages: the URLs that sitemaps list and that home pages link as contact pages."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Numeric, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from scrapersky.models import base
from scrapersky.models.domain import Domain
from scrapersky.vocabulary import CONTACT_PAGES, Curation, Status


class Page(base.Recorded):
    """One page, unique by (``domain_id``, normalised ``url``). Workflow: page_reading, on ``page_reading_status``."""

    __tablename__ = "pages"
    __table_args__ = (
        UniqueConstraint("domain_id", "url"),
        *base.listed("pages"),
        Index("ix_pages_page_type", "page_type", "id"),
        Index("ix_pages_contact_pages", "domain_id", "url", postgresql_where=text(CONTACT_PAGES)),
        Index("ix_pages_last_read", "last_read", "id", postgresql_where="last_read IS NOT NULL"),
        base.mentions_index("pages"),
        *base.watched_constraints("pages", "page_reading_", host="domain_id"),
        {"postgresql_with": base.WATCHED_STORAGE},
    )

    domain_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("domains.id"))
    domain: Mapped[Domain] = relationship(lazy="joined", innerjoin=True)
    sitemap_file_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("sitemap_files.id"), index=True)
    url: Mapped[str] = mapped_column(comment="WHATWG-serialised, without fragment, at most 2,048 characters")
    last_modified: Mapped[datetime | None]
    changefreq: Mapped[str | None]
    priority: Mapped[float | None] = mapped_column(Numeric(2, 1, asdecimal=False))
    image_count: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    video_count: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    news_count: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    hreflang: Mapped[dict[str, Any] | None] = mapped_column(JSONB, comment='{"en-GB": "https://…"}')
    page_type: Mapped[str]
    path_depth: Mapped[int] = mapped_column(SmallInteger)
    other_host: Mapped[bool] = mapped_column(server_default="false", comment="listed by the domain, hosted elsewhere")
    lead_source: Mapped[str] = mapped_column(server_default="sitemap_import")
    title: Mapped[str | None]
    h1: Mapped[str | None]
    canonical_url: Mapped[str | None]
    meta_robots: Mapped[str | None] = mapped_column(comment="of the meta elements and of X-Robots-Tag")
    imprint: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB, comment='{"legal_name", "vat_id", "register", "address"}'
    )
    last_read: Mapped[datetime | None]
    mentions: Mapped[list[int] | None] = base.mentions()

    curation_status: Mapped[Curation] = base.curated()

    page_reading_status: Mapped[Status] = base.watched()
    page_reading_due_at: Mapped[datetime | None] = base.due_at()
    page_reading_failures: Mapped[int] = base.failures()
    page_reading_error_code: Mapped[str | None] = base.error_code()
    page_reading_error: Mapped[str | None] = base.error_text()
