"""Wiring of domain-scheduler."""

from domain_scheduler.metadata import read_metadata
from scrapersky.models import Domain
from scrapersky.service.registry import DOMAIN_SCHEDULER
from scrapersky.service.runtime import BackgroundService

service = BackgroundService(DOMAIN_SCHEDULER, {Domain.status: read_metadata})
handler = service.handler
