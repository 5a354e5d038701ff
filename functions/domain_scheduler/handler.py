"""Wiring of domain-scheduler."""

from scrapersky.importing import importing

with importing():
    from scrapersky.service.registry import DOMAIN_SCHEDULER, METADATA
    from scrapersky.service.runtime import BackgroundService

service = BackgroundService(
    DOMAIN_SCHEDULER,
    {
        METADATA: "domain_scheduler.metadata:read_metadata",
    },
)
handler = service.handler
