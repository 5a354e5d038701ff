"""Wiring of domain-sitemap-submission."""

from scrapersky.models import Domain
from scrapersky.service.registry import DOMAIN_SITEMAP_SUBMISSION
from scrapersky.service.runtime import BackgroundService

service = BackgroundService(
    DOMAIN_SITEMAP_SUBMISSION,
    {
        Domain.sitemap_analysis_status: "domain_sitemap_submission.submission:submit_domain",
    },
)
handler = service.handler
