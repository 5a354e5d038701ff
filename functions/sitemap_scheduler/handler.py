"""Wiring of sitemap-scheduler."""

from scrapersky.models import LocalBusiness, Place, Sitemap
from scrapersky.service.registry import SITEMAP_SCHEDULER
from scrapersky.service.runtime import BackgroundService
from sitemap_scheduler.deep_scan import deep_scan_place
from sitemap_scheduler.discovery import discover_sitemaps
from sitemap_scheduler.domain_extraction import extract_domain

service = BackgroundService(
    SITEMAP_SCHEDULER,
    {
        Sitemap.status: discover_sitemaps,
        Place.deep_scan_status: deep_scan_place,
        LocalBusiness.domain_extraction_status: extract_domain,
    },
)
handler = service.handler
