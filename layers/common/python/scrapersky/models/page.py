"""Pages: the URLs that sitemaps list."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Numeric, SmallInteger, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from scrapersky.models import base
from scrapersky.vocabulary import Curation


class Page(base.Recorded):
    """One page, unique by (``domain_id``, normalised ``url``)."""

    __tablename__ = "pages"
    __table_args__ = (UniqueConstraint("domain_id", "url"),)

    domain_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("domains.id"))
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

    curation_status: Mapped[Curation] = base.curated()
