"""Lambda handler of sitemap-import-scheduler."""

from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.registry import SITEMAP_IMPORT_SCHEDULER

service = BackgroundService(SITEMAP_IMPORT_SCHEDULER)
handler = service.handler
