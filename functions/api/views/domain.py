"""A domain with what its home page tells; the large JSON columns are left out."""

from datetime import datetime

from api.views.view import View
from scrapersky.models.vocabulary import Curation, Status


class DomainView(View):
    """A domain with what its home page tells; the large JSON columns are left out."""

    id: int
    tenant: str
    domain: str
    final_url: str | None
    http_status: int | None
    last_scan: datetime | None
    title: str | None
    description: str | None
    language: str | None
    favicon_url: str | None
    logo_url: str | None
    generator: str | None
    is_wordpress: bool | None
    wordpress_version: str | None
    has_elementor: bool | None
    elementor_version: str | None
    email_addresses: list[str] | None
    phone_numbers: list[str] | None
    facebook_url: str | None
    twitter_url: str | None
    linkedin_url: str | None
    instagram_url: str | None
    youtube_url: str | None
    tiktok_url: str | None
    pinterest_url: str | None
    curation_status: Curation
    sitemap_curation_status: Curation
    status: Status
    due_at: datetime | None
    failures: int
    error_code: str | None
    error: str | None
    sitemap_analysis_status: Status
    sitemap_analysis_due_at: datetime | None
    sitemap_analysis_failures: int
    sitemap_analysis_error_code: str | None
    sitemap_analysis_error: str | None
    created_at: datetime
    updated_at: datetime
