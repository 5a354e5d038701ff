"""Lambda handler of page-scheduler."""

from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.registry import PAGE_SCHEDULER

service = BackgroundService(PAGE_SCHEDULER)
handler = service.handler
