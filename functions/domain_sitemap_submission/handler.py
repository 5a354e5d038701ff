"""Wiring of domain-sitemap-submission."""

from scrapersky.importing import importing

with importing():
    from scrapersky.service.registry import DOMAIN_SITEMAP_SUBMISSION, SUBMISSION
    from scrapersky.service.runtime import BackgroundService

service = BackgroundService(
    DOMAIN_SITEMAP_SUBMISSION,
    {
        SUBMISSION: "domain_sitemap_submission.submission:submit_domain",
    },
)
handler = service.handler
