"""Contacts: what a page gives to reach its business by, saved with the page as their source."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, text

from scrapersky.vocabulary import ContactKind, FoundIn, RecordId

MISSES = 2
"""Readings in a row of each of its sources that lack a contact before it is gone."""

NETWORKS = ("facebook", "twitter", "linkedin", "instagram", "youtube", "tiktok", "pinterest")
"""Categories of profiles; a domain has a column for each."""


@dataclass(frozen=True, slots=True)
class FoundContact:
    """A contact as one page gives it. ``category`` of a profile is its network; ``context`` is the text around it."""

    kind: ContactKind
    value: str
    found_in: FoundIn
    category: str | None = None
    context: str | None = None


LOCK_DOMAIN = text("SELECT tenant FROM domains WHERE id = :domain_id FOR NO KEY UPDATE")

SAVE = text(
    f"""
WITH found AS (
    SELECT * FROM ROWS FROM (
        jsonb_to_recordset(CAST(:found AS jsonb)) AS (kind text, value text, found_in text, category text, context text)
    ) WITH ORDINALITY AS found(kind, value, found_in, category, context, place)
),
-- Known ones first, by id, as the checks of their addresses lock them; then the new ones in the order in which the page
-- gives them, so that the ids keep it. A contact that is found again is not gone.
saved AS (
    INSERT INTO contacts (domain_id, tenant, kind, value, category)
    SELECT :domain_id, :tenant, kind, value, found.category
    FROM found LEFT JOIN (SELECT id, kind, value FROM contacts WHERE domain_id = :domain_id) AS known USING (kind, value)
    ORDER BY known.id, place
    ON CONFLICT (domain_id, kind, value) DO UPDATE
    SET last_seen = now(), updated_at = now(), gone_at = NULL, category = coalesce(excluded.category, contacts.category)
    RETURNING id, kind, value
),
-- The page is a source of each.
sources AS (
    INSERT INTO contact_sources (contact_id, page_id, url, found_in, context)
    SELECT saved.id, CAST(:page_id AS bigint), :url, found_in, context FROM saved JOIN found USING (kind, value)
    ON CONFLICT (contact_id, coalesce(page_id, 0)) DO UPDATE
    SET last_seen = now(), missed = 0, url = excluded.url, found_in = excluded.found_in, context = excluded.context
),
-- Of the others that it was a source of, it has missed one more reading.
missing AS (
    UPDATE contact_sources SET missed = least(missed + 1, {MISSES}) FROM contacts
    WHERE contacts.domain_id = :domain_id AND contact_sources.contact_id = contacts.id
      AND coalesce(page_id, 0) = coalesce(CAST(:page_id AS bigint), 0)
      AND NOT EXISTS (SELECT FROM found WHERE found.kind = contacts.kind AND found.value = contacts.value)
    RETURNING contact_id, contact_sources.id, missed
),
-- Gone is a contact that no other source has given lately either.
gone AS (
    UPDATE contacts SET gone_at = now(), updated_at = now() FROM missing
    WHERE contacts.id = missing.contact_id AND missing.missed = {MISSES} AND gone_at IS NULL
      AND NOT EXISTS (
        SELECT FROM contact_sources AS other
        WHERE other.contact_id = contacts.id AND other.id <> missing.id AND other.missed < {MISSES}
      )
)
SELECT id FROM saved ORDER BY id
"""
)


def _values(kind: ContactKind) -> str:
    return (
        "(SELECT array_agg(value ORDER BY id) FROM contacts"
        f" WHERE domain_id = domains.id AND kind = '{kind.value}' AND gone_at IS NULL)"
    )


def _profile(network: str) -> str:
    return (
        "(SELECT value FROM contacts WHERE domain_id = domains.id AND kind = 'social'"
        f" AND category = '{network}' AND gone_at IS NULL ORDER BY id LIMIT 1)"
    )


SUMMARISE = text(
    f"UPDATE domains SET email_addresses = {_values(ContactKind.EMAIL)}, phone_numbers = {_values(ContactKind.PHONE)}, "
    + ", ".join(f"{network}_url = {_profile(network)}" for network in NETWORKS)
    + " WHERE id = :domain_id"
)


def save_contacts(
    connection: Connection, domain_id: RecordId, found: Sequence[FoundContact], *, url: str, page_id: RecordId | None
) -> list[RecordId]:
    """Save what one reading of the page ``page_id`` (None: the home page), now at ``url``, has found; return the contacts' ids.

    ``found`` is distinct by kind and value. A contact that all of its sources lack in two readings in a row is gone
    until it is found again. The contact columns of the domain are the summary of the contacts that are not gone.
    """
    tenant = connection.execute(LOCK_DOMAIN, {"domain_id": domain_id}).scalar_one()
    rows = json.dumps([asdict(one) for one in found])
    values = {"domain_id": domain_id, "tenant": tenant, "url": url, "page_id": page_id, "found": rows}
    saved = list(connection.execute(SAVE, values).scalars())
    connection.execute(SUMMARISE, {"domain_id": domain_id})
    return saved
