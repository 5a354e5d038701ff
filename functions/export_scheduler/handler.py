"""Lambda handler of export-scheduler."""

from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.registry import EXPORT_SCHEDULER

service = BackgroundService(EXPORT_SCHEDULER)
handler = service.handler
