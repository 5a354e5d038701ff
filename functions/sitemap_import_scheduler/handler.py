"""Wiring of sitemap-import-scheduler."""

from scrapersky.importing import importing

with importing():
    from scrapersky.runtime.registry import IMPORT, SITEMAP_IMPORT_SCHEDULER
    from scrapersky.runtime.runtime import BackgroundService

service = BackgroundService(
    SITEMAP_IMPORT_SCHEDULER,
    {
        IMPORT: "sitemap_import_scheduler.sitemap_import:import_sitemap",
    },
)
handler = service.handler
