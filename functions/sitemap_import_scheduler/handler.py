"""Wiring of sitemap-import-scheduler."""

from scrapersky.models import SitemapFile
from scrapersky.service.registry import SITEMAP_IMPORT_SCHEDULER
from scrapersky.service.runtime import BackgroundService
from sitemap_import_scheduler.sitemap_import import import_sitemap

service = BackgroundService(SITEMAP_IMPORT_SCHEDULER, {SitemapFile.sitemap_import_status: import_sitemap})
handler = service.handler
