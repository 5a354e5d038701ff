"""Wiring of sitemap-scheduler."""

from scrapersky.importing import importing

with importing():
    from scrapersky.runtime.registry import DEEP_SCAN, DISCOVERY, DOMAIN_EXTRACTION, SITEMAP_SCHEDULER
    from scrapersky.runtime.runtime import BackgroundService

service = BackgroundService(
    SITEMAP_SCHEDULER,
    {
        DISCOVERY: "sitemap_scheduler.discovery:discover_sitemaps",
        DEEP_SCAN: "sitemap_scheduler.deep_scan:deep_scan_place",
        DOMAIN_EXTRACTION: "sitemap_scheduler.domain_extraction:extract_domain",
    },
)
handler = service.handler
