"""What an export holds: its columns, and its rows without what is suppressed.

The columns are an interface: their names and their order are documented (docs/how-to/export.md) and do not follow the
tables.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by

from scrapersky.lists.filters import Filter, conditions
from scrapersky.lists.tables import ContactFilter, DomainFilter, LocalBusinessFilter, PageFilter
from scrapersky.models import Contact, ContactSource, Domain, LocalBusiness, Page, Suppression
from scrapersky.models.base import Recorded

CHUNK = 5_000
"""Rows of one statement, which is one transaction: memory stays flat, and no snapshot holds up vacuum."""

Rows = Sequence[Sequence[Any]]
"""The first value of a row is the record's id; times are texts, as JSON has them."""
Read = Callable[[Callable[[Connection], Rows]], Rows]
"""Call a function with a connection, in a transaction of its own."""

STALE = text("""
SELECT EXISTS (SELECT FROM suppressions WHERE at > CAST(:read_from AS timestamptz) - interval '1 minute')
    OR EXISTS (SELECT FROM erasures WHERE at > CAST(:read_from AS timestamptz) - interval '1 minute')
""")
"""The minute covers transactions that had begun, and not ended, when the first row was read."""


@dataclass(frozen=True)
class Exportable:
    """The records of ``model`` as rows of ``columns``, without those for which one of ``subjects`` is suppressed."""

    model: type[Recorded]
    filters: type[Filter]
    columns: Mapping[str, Any]
    subjects: tuple[Any, ...]

    @property
    def allowed(self) -> ColumnElement[bool]:
        """The condition that nothing about the record is suppressed. Without any suppression it costs nothing."""
        free = [func.is_suppressed(one).is_not(True) for one in self.subjects]
        return or_(~select(Suppression.hash).exists(), and_(*free))


def read_rows(read: Read, export: Exportable, wanted: Filter) -> Iterator[Rows]:
    """Yield all rows that match ``wanted`` in the order of their ids, in chunks of at most :data:`CHUNK`.

    Each chunk is read in a transaction of its own, by ``read``. So a suppression or an erasure that is committed during
    the export counts for all rows that are read later.
    """
    model, last = export.model, 0
    found: list[ColumnElement[bool]] | None = None
    columns = [column.label(name) for name, column in export.columns.items()]
    statement = select(*columns).where(export.allowed).order_by(model.id).limit(CHUNK)

    def chunk(connection: Connection) -> Rows:
        nonlocal found
        if found is None:  # once: a search reads its index for them
            found = conditions(connection, model, wanted).all
        connection.execute(select(func.set_config("TimeZone", "UTC", True)))
        rows = statement.where(*found, model.id > last).subquery()
        # One JSON text is read many times faster than values one by one.
        array = func.json_agg(aggregate_order_by(func.json_build_array(*rows.c), rows.c.id))
        return connection.execute(select(array)).scalar_one() or []

    while True:
        rows = read(chunk)
        if rows:
            yield rows
            last = rows[-1][0]
        if len(rows) < CHUNK:
            return


def is_stale(connection: Connection, read_from: datetime) -> bool:
    """Return whether something was suppressed or erased since ``read_from``, which rows read then may still have."""
    stale: bool = connection.execute(STALE, {"read_from": read_from}).scalar_one()
    return stale


def _domain_of(domain_id: Any) -> Any:
    return select(Domain.domain).where(Domain.id == domain_id).scalar_subquery()


def _host_of(url: Any) -> Any:
    return func.split_part(func.split_part(url, "/", 3), ":", 1)


def _columns(model: type[Any], names: str, **others: Any) -> Mapping[str, Any]:
    return {name: others[name] if name in others else getattr(model, name) for name in names.split()}


_SOURCE = (
    select(ContactSource.url)
    .where(ContactSource.contact_id == Contact.id)
    .order_by(ContactSource.last_seen.desc(), ContactSource.id)
    .limit(1)
    .scalar_subquery()
)

EXPORTS: Mapping[str, Exportable] = {
    "contacts": Exportable(
        Contact,
        ContactFilter,
        _columns(
            Contact,
            "id tenant domain_id domain kind value category source_url first_seen last_seen gone_at curation_status"
            " email_check_result email_check_reason email_checked_at created_at label",
            domain=_domain_of(Contact.domain_id),
            source_url=_SOURCE,
        ),
        (Contact.value, _domain_of(Contact.domain_id)),
    ),
    "domains": Exportable(
        Domain,
        DomainFilter,
        _columns(
            Domain,
            "id tenant domain final_url http_status last_scan title description language generator is_wordpress"
            " wordpress_version email_addresses phone_numbers facebook_url twitter_url linkedin_url instagram_url"
            " youtube_url tiktok_url pinterest_url curation_status sitemap_curation_status status error_code created_at label",
        ),
        (Domain.domain,),
    ),
    "local_businesses": Exportable(
        LocalBusiness,
        LocalBusinessFilter,
        _columns(
            LocalBusiness,
            "id tenant place_id business_name full_address street city state zip country phone website_url domain_id domain"
            " maps_url rating reviews_count price_level main_category extra_categories latitude longitude time_zone"
            " business_status opening_hours scanned_at curation_status created_at label",
            domain=_domain_of(LocalBusiness.domain_id),
        ),
        (LocalBusiness.phone, _domain_of(LocalBusiness.domain_id), _host_of(LocalBusiness.website_url)),
    ),
    "pages": Exportable(
        Page,
        PageFilter,
        _columns(
            Page,
            "id tenant domain_id domain url page_type path_depth last_modified lead_source title h1 canonical_url"
            " meta_robots last_read curation_status page_reading_status page_reading_error_code created_at label",
            domain=_domain_of(Page.domain_id),
        ),
        (_domain_of(Page.domain_id), _host_of(Page.url)),
    ),
}
"""By table. New columns are added at the end."""
