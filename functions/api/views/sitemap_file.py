"""A sitemap file."""

from datetime import datetime

from api.views.view import View
from scrapersky.models.vocabulary import Curation, Status


class SitemapFileView(View):
    """A sitemap file."""

    id: int
    tenant: str
    domain_id: int
    sitemap_id: int | None
    url: str
    parent_url: str | None
    sitemap_type: str | None
    discovery_method: str
    http_status: int | None
    size_bytes: int | None
    url_count: int | None
    has_lastmod: bool | None
    is_gzip: bool | None
    is_valid: bool | None
    invalid_reason: str | None
    broken_at: str | None
    etag: str | None
    last_modified: str | None
    imported_at: datetime | None
    pages_found: int | None
    curation_status: Curation
    sitemap_import_status: Status
    sitemap_import_due_at: datetime | None
    sitemap_import_failures: int
    sitemap_import_error_code: str | None
    sitemap_import_error: str | None
    created_at: datetime
    updated_at: datetime
