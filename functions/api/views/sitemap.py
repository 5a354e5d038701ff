"""The sitemap scan of one domain; its report of everything tried is left out."""

from datetime import datetime

from api.views.view import View
from scrapersky.models.vocabulary import Curation, Status


class SitemapView(View):
    """The sitemap scan of one domain; its report of everything tried is left out."""

    id: int
    tenant: str
    domain_id: int
    files_found: int | None
    requests_made: int | None
    scanned_at: datetime | None
    curation_status: Curation
    status: Status
    due_at: datetime | None
    failures: int
    error_code: str | None
    error: str | None
    created_at: datetime
    updated_at: datetime
