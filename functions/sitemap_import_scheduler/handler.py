"""Wiring of sitemap-import-scheduler."""

from scrapersky.models import SitemapFile
from scrapersky.service.registry import SITEMAP_IMPORT_SCHEDULER
from scrapersky.service.runtime import BackgroundService

service = BackgroundService(
    SITEMAP_IMPORT_SCHEDULER,
    {
        SitemapFile.sitemap_import_status: "sitemap_import_scheduler.sitemap_import:import_sitemap",
    },
)
handler = service.handler
