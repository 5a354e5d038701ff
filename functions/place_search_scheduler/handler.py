"""Lambda handler of place-search-scheduler."""

from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.registry import PLACE_SEARCH_SCHEDULER

service = BackgroundService(PLACE_SEARCH_SCHEDULER)
handler = service.handler
