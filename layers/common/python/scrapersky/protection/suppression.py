"""Suppression: an objection holds from the moment of its commit, for what is stored already and for what is found later.

The database refuses to store a suppressed value and to lease a suppressed host (``migrations/protection.sql``). So here
is only what happens once: the suppression is stored, and what it is about is deleted, in one transaction.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from scrapersky.contacts import SUMMARISE
from scrapersky.status.abandon import abandon
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import RecordId, SubjectKind

# Warning: this comes first, in a statement of its own. It waits for writers that read the suppressions without this one.
LOCK = text("SELECT pg_advisory_xact_lock(7263550)")

ADD = text("""
INSERT INTO suppressions (hash, kind, reason, actor)
SELECT hash, kind, :reason, :actor
FROM unnest(CAST(:hashes AS text[]), CAST(:kinds AS text[])) AS added (hash, kind) ORDER BY hash
ON CONFLICT (hash) DO NOTHING RETURNING hash
""")

DOMAINS = text("SELECT id FROM domains WHERE suppression_hashes(domain) && CAST(:hashes AS text[])")

CONTACTS = text("SELECT id FROM contacts WHERE suppression_hash(value) = ANY(CAST(:hashes AS text[]))")

CONTACTS_OF_DOMAINS = text("""
SELECT id FROM contacts
WHERE domain_id = ANY(CAST(:domain_ids AS bigint[]))
   OR kind IN ('email', 'form') AND suppression_hashes(suppressible(kind, value)) && CAST(:hashes AS text[])
""")

DELETE = text("DELETE FROM contacts WHERE id = ANY(CAST(:ids AS bigint[])) RETURNING domain_id")

# The triggers remove what is suppressed, and write what is still mentioned.
MENTIONS = [
    text(
        f"UPDATE {table} SET mentions = NULL"
        " WHERE mentions && (SELECT array_agg(mention(one)) FROM unnest(CAST(:hashes AS text[])) AS one)"
    )
    for table in ("domains", "pages", "contact_sources")
]
FACTS = [
    text(
        "DELETE FROM changes WHERE domain_id = ANY(CAST(:domain_ids AS bigint[]))"
        " OR mentions && (SELECT array_agg(mention(one)) FROM unnest(CAST(:hashes AS text[])) AS one)"
    ),
    text("UPDATE domains SET mentions = NULL WHERE id = ANY(CAST(:domain_ids AS bigint[]))"),
    text(
        "UPDATE pages SET mentions = NULL WHERE domain_id = ANY(CAST(:domain_ids AS bigint[])) AND last_read IS NOT NULL"
    ),
]
PHONES = text("UPDATE local_businesses SET phone = phone WHERE suppression_hash(phone) = ANY(CAST(:hashes AS text[]))")

FIND = text("SELECT kind, reason, actor, at FROM suppressions WHERE hash = :hash")

LIFT = text("DELETE FROM suppressions WHERE hash = :hash RETURNING hash")


@dataclass(frozen=True, slots=True)
class Suppressed:
    """What a call of :func:`suppress` did: how many suppressions are new, and what was deleted or cleaned for them."""

    added: int
    contacts: int
    domains: int


@dataclass(frozen=True, slots=True)
class Found:
    """A suppression."""

    kind: SubjectKind
    reason: str
    actor: str
    at: datetime


def suppress(
    connection: Connection,
    hashes: Mapping[str, SubjectKind],
    *,
    actor: str,
    reason: str,
    of_contacts: Iterable[Workflow],
) -> Suppressed:
    """Suppress ``hashes`` and delete the contacts and facts that they are about; safe to repeat. Needs a transaction.

    ``of_contacts``: the workflows on contacts. An attempt of theirs that holds such a contact is abandoned. Of a
    suppressed domain all contacts and facts are deleted; the domain's record stays, and is not visited again.
    """
    connection.execute(LOCK)
    kinds = {hash_.lower(): kind.value for hash_, kind in hashes.items()}
    names = {"hashes": sorted(kinds)}
    audit = {"kinds": [kinds[one] for one in names["hashes"]], "reason": reason, "actor": actor}
    added = len(connection.execute(ADD, {**names, **audit}).all())
    contacts = set(connection.execute(CONTACTS, names).scalars())
    domain_ids: set[int] = set()
    if SubjectKind.DOMAIN in kinds.values():
        domain_ids = set(connection.execute(DOMAINS, names).scalars())
        contacts |= set(connection.execute(CONTACTS_OF_DOMAINS, {**names, "domain_ids": sorted(domain_ids)}).scalars())
    ids = [RecordId(one) for one in sorted(contacts)]
    for workflow in of_contacts if ids else ():
        abandon(connection, workflow, ids, actor=actor, reason=reason)
    had_contacts = set(connection.execute(DELETE, {"ids": ids}).scalars())
    for statement in (*MENTIONS, *FACTS, PHONES):
        connection.execute(statement, {**names, "domain_ids": sorted(domain_ids)})
    if had_contacts:
        connection.execute(SUMMARISE, {"domain_ids": sorted(had_contacts)})
    return Suppressed(added, len(ids), len(domain_ids | had_contacts))


def find(connection: Connection, hash_: str) -> Found | None:
    """Return the suppression of ``hash_``, None if there is none."""
    row = connection.execute(FIND, {"hash": hash_.lower()}).one_or_none()
    return Found(SubjectKind(row.kind), row.reason, row.actor, row.at) if row else None


def lift(connection: Connection, hash_: str) -> bool:
    """Delete the suppression of ``hash_``; return whether there was one. What was deleted for it does not return."""
    return connection.execute(LIFT, {"hash": hash_.lower()}).one_or_none() is not None
