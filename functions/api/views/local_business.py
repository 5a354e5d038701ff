"""A local business."""

from datetime import datetime
from typing import Any

from api.views.view import View
from scrapersky.models.vocabulary import Curation, Status


class LocalBusinessView(View):
    """A local business."""

    id: int
    tenant: str
    place_id: str
    business_name: str | None
    full_address: str | None
    street: str | None
    city: str | None
    state: str | None
    zip: str | None
    country: str | None
    phone: str | None
    website_url: str | None
    maps_url: str | None
    rating: float | None
    reviews_count: int | None
    price_level: int | None
    main_category: str | None
    extra_categories: list[str] | None
    latitude: float | None
    longitude: float | None
    utc_offset_minutes: int | None
    time_zone: str | None
    business_status: str | None
    opening_hours: dict[str, Any] | None
    scanned_at: datetime | None
    domain_id: int | None
    curation_status: Curation
    domain_extraction_status: Status
    domain_extraction_due_at: datetime | None
    domain_extraction_failures: int
    domain_extraction_error_code: str | None
    domain_extraction_error: str | None
    created_at: datetime
    updated_at: datetime
