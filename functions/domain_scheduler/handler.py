"""Wiring of domain-scheduler."""

from scrapersky.models import Domain
from scrapersky.service.registry import DOMAIN_SCHEDULER
from scrapersky.service.runtime import BackgroundService

service = BackgroundService(
    DOMAIN_SCHEDULER,
    {
        Domain.status: "domain_scheduler.metadata:read_metadata",
    },
)
handler = service.handler
