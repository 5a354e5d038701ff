"""Lambda handler of sitemap-scheduler."""

from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.registry import SITEMAP_SCHEDULER

service = BackgroundService(SITEMAP_SCHEDULER)
handler = service.handler
