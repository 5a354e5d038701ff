"""A place, before and after its deep scan."""

from datetime import datetime

from api.views.view import View
from scrapersky.models.vocabulary import Curation, Status


class PlaceView(View):
    """A place, before and after its deep scan."""

    id: int
    tenant: str
    place_id: str
    name: str | None
    formatted_address: str | None
    search_query: str | None
    latitude: float | None
    longitude: float | None
    moved_to_place_id: str | None
    curation_status: Curation
    deep_scan_status: Status
    deep_scan_due_at: datetime | None
    deep_scan_failures: int
    deep_scan_error_code: str | None
    deep_scan_error: str | None
    created_at: datetime
    updated_at: datetime
