"""Wiring of sitemap-scheduler."""

from scrapersky.models import LocalBusiness, Place, Sitemap
from scrapersky.service.registry import SITEMAP_SCHEDULER
from scrapersky.service.runtime import BackgroundService

service = BackgroundService(
    SITEMAP_SCHEDULER,
    {
        Sitemap.status: "sitemap_scheduler.discovery:discover_sitemaps",
        Place.deep_scan_status: "sitemap_scheduler.deep_scan:deep_scan_place",
        LocalBusiness.domain_extraction_status: "sitemap_scheduler.domain_extraction:extract_domain",
    },
)
handler = service.handler
