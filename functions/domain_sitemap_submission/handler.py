"""Lambda handler of domain-sitemap-submission."""

from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.registry import DOMAIN_SITEMAP_SUBMISSION

service = BackgroundService(DOMAIN_SITEMAP_SUBMISSION)
handler = service.handler
