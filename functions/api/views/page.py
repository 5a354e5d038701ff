"""A page."""

from datetime import datetime
from typing import Any

from api.views.view import View
from scrapersky.models.vocabulary import Curation


class PageView(View):
    """A page."""

    id: int
    tenant: str
    domain_id: int
    sitemap_file_id: int | None
    url: str
    last_modified: datetime | None
    changefreq: str | None
    priority: float | None
    image_count: int
    video_count: int
    news_count: int
    hreflang: dict[str, Any] | None
    page_type: str
    path_depth: int
    other_host: bool
    lead_source: str
    curation_status: Curation
    created_at: datetime
    updated_at: datetime
