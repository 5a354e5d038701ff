"""Lambda handler of contact-scheduler."""

from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.registry import CONTACT_SCHEDULER

service = BackgroundService(CONTACT_SCHEDULER)
handler = service.handler
