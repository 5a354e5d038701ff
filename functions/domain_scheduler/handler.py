"""Lambda handler of domain-scheduler."""

from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.registry import DOMAIN_SCHEDULER

service = BackgroundService(DOMAIN_SCHEDULER)
handler = service.handler
