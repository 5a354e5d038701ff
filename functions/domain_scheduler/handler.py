"""Wiring of domain-scheduler."""

from scrapersky.importing import importing

with importing():
    from scrapersky.runtime.registry import DOMAIN_SCHEDULER, METADATA
    from scrapersky.runtime.runtime import BackgroundService

service = BackgroundService(
    DOMAIN_SCHEDULER,
    {
        METADATA: "domain_scheduler.metadata:read_metadata",
    },
)
handler = service.handler
