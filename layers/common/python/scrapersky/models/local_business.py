"""Local businesses: the results of the deep scan of places."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from scrapersky.models import base
from scrapersky.vocabulary import Curation, Status


class LocalBusiness(base.Recorded):
    """One business, unique by Google's ``place_id``. Workflow: domain extraction, on ``domain_extraction_status``."""

    __tablename__ = "local_businesses"
    __table_args__ = (
        UniqueConstraint("place_id"),
        *base.listed("local_businesses", search="business_name"),
        Index("ix_local_businesses_city", "city", "id"),
        Index("ix_local_businesses_main_category", "main_category", "id"),
        Index("ix_local_businesses_with_phone", "id", postgresql_where="phone IS NOT NULL"),
        Index("ix_local_businesses_reviews_count", "reviews_count", "id"),
        *base.watched_constraints("local_businesses", "domain_extraction_"),
        Index("ix_local_businesses_domain_id", "domain_id", "place_id"),
        Index("ix_local_businesses_scanned_at", "scanned_at", postgresql_where="scanned_at IS NOT NULL"),
        {"postgresql_with": base.WATCHED_STORAGE},
    )

    place_id: Mapped[str]
    business_name: Mapped[str | None]
    full_address: Mapped[str | None]
    street: Mapped[str | None]
    city: Mapped[str | None]
    state: Mapped[str | None]
    zip: Mapped[str | None]
    country: Mapped[str | None] = mapped_column(comment="ISO 3166-1 alpha-2")
    phone: Mapped[str | None] = mapped_column(comment="E.164 where Google knows the country, else as given")
    website_url: Mapped[str | None]
    maps_url: Mapped[str | None]
    rating: Mapped[float | None]
    reviews_count: Mapped[int | None]
    price_level: Mapped[int | None] = mapped_column(SmallInteger, comment="0 free … 4 very expensive")
    main_category: Mapped[str | None]
    extra_categories: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    utc_offset_minutes: Mapped[int | None] = mapped_column(SmallInteger)
    time_zone: Mapped[str | None] = mapped_column(comment="IANA name")
    business_status: Mapped[str | None]
    opening_hours: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB, comment='per day: {"monday": [["09:00", "17:00"]], …}; an empty list is closed'
    )
    scanned_at: Mapped[datetime | None]
    domain_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("domains.id"))

    curation_status: Mapped[Curation] = base.curated()

    domain_extraction_status: Mapped[Status] = base.watched()
    domain_extraction_due_at: Mapped[datetime | None] = base.due_at()
    domain_extraction_failures: Mapped[int] = base.failures()
    domain_extraction_error_code: Mapped[str | None] = base.error_code()
    domain_extraction_error: Mapped[str | None] = base.error_text()
