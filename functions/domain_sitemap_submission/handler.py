"""Wiring of domain-sitemap-submission."""

from scrapersky.importing import importing

with importing():
    from scrapersky.runtime.registry import DOMAIN_SITEMAP_SUBMISSION, SUBMISSION
    from scrapersky.runtime.runtime import BackgroundService

service = BackgroundService(
    DOMAIN_SITEMAP_SUBMISSION,
    {
        SUBMISSION: "domain_sitemap_submission.submission:submit_domain",
    },
)
handler = service.handler
