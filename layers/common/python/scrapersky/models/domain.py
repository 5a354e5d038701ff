"""Domains: the websites of businesses."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, SmallInteger, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, deferred, mapped_column
from sqlalchemy.types import Text

from scrapersky.models import base
from scrapersky.vocabulary import Curation, Status


class Domain(base.Recorded):
    """One website's host, unique and normalised (:mod:`scrapersky.web.hosts`).

    Workflows: metadata, on ``status``; submission, on ``sitemap_analysis_status``.
    """

    __tablename__ = "domains"
    __table_args__ = (
        UniqueConstraint("domain"),
        *base.listed("domains", search="domain"),
        Index("ix_domains_http_status", "http_status", "id"),
        Index("ix_domains_with_email", "id", postgresql_where="email_addresses IS NOT NULL"),
        Index("ix_domains_with_phone", "id", postgresql_where="phone_numbers IS NOT NULL"),
        Index("ix_domains_last_scan", "last_scan", "id"),
        base.mentions_index("domains"),
        *base.watched_constraints("domains"),
        *base.watched_constraints("domains", "sitemap_analysis_"),
        {"postgresql_with": base.WATCHED_STORAGE},
    )

    domain: Mapped[str] = mapped_column(comment="lower case, punycode, no scheme, port, path or leading www.")

    final_url: Mapped[str | None] = mapped_column(comment="where the redirects of the home page ended")
    http_status: Mapped[int | None] = mapped_column(SmallInteger)
    last_scan: Mapped[datetime | None]
    title: Mapped[str | None]
    description: Mapped[str | None]
    language: Mapped[str | None] = mapped_column(comment="BCP 47, as the page declares it")
    favicon_url: Mapped[str | None]
    logo_url: Mapped[str | None]
    generator: Mapped[str | None]
    is_wordpress: Mapped[bool | None]
    wordpress_version: Mapped[str | None]
    has_elementor: Mapped[bool | None]
    elementor_version: Mapped[str | None]
    tech_stack: Mapped[list[dict[str, Any]] | None] = deferred(
        mapped_column(JSONB, comment='[{"category", "name", "version", "evidence"}]')
    )
    email_addresses: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    phone_numbers: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    facebook_url: Mapped[str | None]
    twitter_url: Mapped[str | None]
    linkedin_url: Mapped[str | None]
    instagram_url: Mapped[str | None]
    youtube_url: Mapped[str | None]
    tiktok_url: Mapped[str | None]
    pinterest_url: Mapped[str | None]
    organisation: Mapped[dict[str, Any] | None] = deferred(
        mapped_column(JSONB, comment='from JSON-LD: {"name", "address", "opening_hours", …}')
    )
    meta_json: Mapped[dict[str, Any] | None] = deferred(mapped_column(JSONB))
    mentions: Mapped[list[int] | None] = base.mentions()

    curation_status: Mapped[Curation] = base.curated()
    sitemap_curation_status: Mapped[Curation] = base.curated()

    status: Mapped[Status] = base.watched()
    due_at: Mapped[datetime | None] = base.due_at()
    failures: Mapped[int] = base.failures()
    error_code: Mapped[str | None] = base.error_code()
    error: Mapped[str | None] = base.error_text()

    sitemap_analysis_status: Mapped[Status] = base.watched()
    sitemap_analysis_due_at: Mapped[datetime | None] = base.due_at()
    sitemap_analysis_failures: Mapped[int] = base.failures()
    sitemap_analysis_error_code: Mapped[str | None] = base.error_code()
    sitemap_analysis_error: Mapped[str | None] = base.error_text()
