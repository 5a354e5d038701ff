"""Contacts: what a page gives to reach its business by, saved with the page as their source."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

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


COLUMNS = tuple(field.name for field in fields(FoundContact))


@dataclass(frozen=True, slots=True)
class KeptContacts:
    """The contacts of one page that are stored, distinct by kind and value, and how many addresses are not.

    Made by :meth:`of`, so that no job stores an address that ``CONTACTS_KEEP`` withholds.
    """

    contacts: tuple[FoundContact, ...]
    withheld: int

    @classmethod
    def of(cls, rows: Sequence[Sequence[Any]], keep: Collection[str]) -> "KeptContacts":
        """Choose from the ``rows`` of a page function those whose category is in ``keep``, and all that are no addresses."""
        found = [FoundContact(*row) for row in rows]
        kept = tuple(one for one in found if one.kind != ContactKind.EMAIL or one.category in keep)
        return cls(kept, len(found) - len(kept))


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reading of the page ``page_id`` (None: the home page), now at ``url``, gives for the domain."""

    domain_id: RecordId
    found: KeptContacts
    url: str
    page_id: RecordId | None = None


LOCK_DOMAINS = text(
    "SELECT id, EXISTS (SELECT FROM contacts WHERE domain_id = domains.id) AS has_contacts"
    " FROM domains WHERE id = ANY(CAST(:domain_ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE"
)

ADD = """
-- The readings, each of another domain, with the tenant and the label that their contacts get.
WITH readings AS (
    SELECT reading.*, domains.tenant, coalesce(pages.label, domains.label) AS label
    FROM unnest(CAST(:domain_ids AS bigint[]), CAST(:page_ids AS bigint[]), CAST(:urls AS text[]))
        AS reading(domain_id, page_id, url)
    JOIN domains ON domains.id = reading.domain_id LEFT JOIN pages ON pages.id = reading.page_id
),
found AS (
    SELECT * FROM ROWS FROM (
        jsonb_to_recordset(CAST(:found AS jsonb))
        AS (domain_id bigint, kind text, value text, found_in text, category text, context text)
    ) WITH ORDINALITY AS found(domain_id, kind, value, found_in, category, context, place)
),
-- Known ones first, by id, as the checks of their addresses lock them; then the new ones in the order in which the pages
-- give them, so that the ids keep it. A contact that is found again is not gone.
saved AS (
    INSERT INTO contacts (domain_id, tenant, label, kind, value, category)
    SELECT domain_id, tenant, label, kind, value, found.category
    FROM found JOIN readings USING (domain_id)
    LEFT JOIN (
        SELECT id, domain_id, kind, value FROM contacts WHERE domain_id = ANY(CAST(:domain_ids AS bigint[]))
    ) AS known USING (domain_id, kind, value)
    ORDER BY known.id, place
    ON CONFLICT (domain_id, kind, value) DO UPDATE
    SET last_seen = now(), updated_at = now(), gone_at = NULL, category = coalesce(excluded.category, contacts.category),
        label = coalesce(contacts.label, excluded.label)
    RETURNING id, domain_id, kind, value
),
-- The page is a source of each.
sources AS (
    INSERT INTO contact_sources (contact_id, page_id, url, found_in, context)
    SELECT saved.id, page_id, url, found_in, context
    FROM saved JOIN found USING (domain_id, kind, value) JOIN readings USING (domain_id)
    ON CONFLICT (contact_id, coalesce(page_id, 0)) DO UPDATE
    SET last_seen = now(), missed = 0, url = excluded.url, found_in = excluded.found_in, context = excluded.context
)/* missing */
SELECT id FROM saved ORDER BY id
"""
MISSING = f""",
-- Of the others that it was a source of, it has missed one more reading.
missing AS (
    UPDATE contact_sources SET missed = least(missed + 1, {MISSES}) FROM contacts JOIN readings USING (domain_id)
    WHERE contact_sources.contact_id = contacts.id
      AND coalesce(contact_sources.page_id, 0) = coalesce(readings.page_id, 0)
      AND NOT EXISTS (
        SELECT FROM found
        WHERE (found.domain_id, found.kind, found.value) = (contacts.domain_id, contacts.kind, contacts.value)
      )
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
)"""
SAVE_FIRST, SAVE = text(ADD), text(ADD.replace("/* missing */", MISSING))
"""For domains without contacts, and where one has some: planning what may be missing costs half of a first reading."""

JOIN_NUMBERS = text("""
-- Bare digits, from a page that names no country, and a complete number of the domain that ends with them.
WITH same AS (
    SELECT DISTINCT ON (bare.id) bare.id, complete.id AS complete_id
    FROM contacts AS bare JOIN contacts AS complete USING (domain_id, kind)
    WHERE domain_id = :domain_id AND kind = 'phone' AND left(bare.value, 1) <> '+' AND left(complete.value, 1) = '+'
      AND right(complete.value, length(ltrim(bare.value, '0'))) = ltrim(bare.value, '0')
    ORDER BY bare.id, complete.id
),
-- What gives the bare digits gives the complete number.
moved AS (
    INSERT INTO contact_sources (contact_id, page_id, url, found_in, context, first_seen)
    SELECT complete_id, page_id, url, found_in, context, first_seen
    FROM contact_sources JOIN same ON same.id = contact_id
    ON CONFLICT (contact_id, coalesce(page_id, 0)) DO UPDATE SET last_seen = now(), missed = 0
),
-- And the complete number is not gone.
seen AS (
    UPDATE contacts SET last_seen = now(), gone_at = NULL FROM same WHERE contacts.id = same.complete_id
)
DELETE FROM contacts USING same WHERE contacts.id = same.id
""")


SUMMARY = {
    "email_addresses": "array_agg(value ORDER BY id) FILTER (WHERE kind = 'email')",
    "phone_numbers": "array_agg(value ORDER BY id) FILTER (WHERE kind = 'phone')",
} | {
    f"{network}_url": f"(array_agg(value ORDER BY id) FILTER (WHERE kind = 'social' AND category = '{network}'))[1]"
    for network in NETWORKS
}
# OFFSET 0, because Postgres may otherwise read all contacts of all domains in the order of the ids.
SUMMARISE = text(
    f"UPDATE domains SET ({', '.join(SUMMARY)}) ="
    f" (SELECT {', '.join(SUMMARY.values())} FROM"
    " (SELECT * FROM contacts WHERE domain_id = domains.id AND gone_at IS NULL OFFSET 0) AS own)"
    " WHERE id = ANY(CAST(:domain_ids AS bigint[])) RETURNING id, phone_numbers"
)


def save_contacts(connection: Connection, readings: Sequence[Reading]) -> list[RecordId]:
    """Save what each of ``readings`` has found; return the contacts' ids.

    A contact that all of its sources lack in two readings in a row is gone until it is found again. A number without
    its country joins the complete one. The contact columns of a domain are the summary of its contacts that are not
    gone.
    """
    once = {reading.domain_id: reading for reading in reversed(readings)}
    others = [reading for reading in readings if once[reading.domain_id] is not reading]
    saved = _save_of_domains(connection, once) if once else []
    return saved + (save_contacts(connection, others) if others else [])


def _save_of_domains(connection: Connection, readings: Mapping[RecordId, Reading]) -> list[RecordId]:
    """Save one reading of each domain, by its id."""
    locked = connection.execute(LOCK_DOMAINS, {"domain_ids": sorted(readings)})
    domains = {row.id: row.has_contacts for row in locked}
    given = [readings[one] for one, has_contacts in domains.items() if has_contacts or readings[one].found.contacts]
    if not given:
        return []
    domain_ids = [reading.domain_id for reading in given]
    rows = [
        {"domain_id": reading.domain_id, **{column: getattr(one, column) for column in COLUMNS}}
        for reading in given
        for one in reading.found.contacts
    ]
    values = {
        "domain_ids": domain_ids,
        "page_ids": [reading.page_id for reading in given],
        "urls": [reading.url for reading in given],
        "found": json.dumps(rows),
    }
    statement = SAVE if any(domains[domain_id] for domain_id in domain_ids) else SAVE_FIRST
    saved = list(connection.execute(statement, values).scalars())
    for domain_id, numbers in connection.execute(SUMMARISE, {"domain_ids": domain_ids}).all():
        if len({number.startswith("+") for number in numbers or ()}) > 1:
            _join_numbers(connection, domain_id)
    return saved


def _join_numbers(connection: Connection, domain_id: RecordId) -> None:
    if connection.execute(JOIN_NUMBERS, {"domain_id": domain_id}).rowcount:
        connection.execute(SUMMARISE, {"domain_ids": [domain_id]})
