"""Access, erasure and purge: all that is held about an address, a phone number or a domain, and its removal.

The database itself looks into every text column of every table (``migrations/protection.sql``), so that a new table is
included. Each call is safe to repeat.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import phonenumbers
from sqlalchemy import Connection, text

from scrapersky.models import Base
from scrapersky.protection.subjects import Subject
from scrapersky.protection.suppression import suppress
from scrapersky.status.workflow import Workflow
from scrapersky.vocabulary import SubjectKind

SHORTEST_NATIONAL = 6
"""Digits of a phone number without its country code by which it is looked for."""

PLACES = text("SELECT of_table, of_column, number FROM find_subject(CAST(:spellings AS text[]))")

CONTACTS = text("""
SELECT contacts.kind, value, category, contacts.first_seen, contacts.last_seen, gone_at, domain,
       (SELECT jsonb_agg(jsonb_build_object('url', url, 'found_in', found_in, 'context', context,
                                            'first_seen', sources.first_seen, 'last_seen', sources.last_seen)
                         ORDER BY sources.id)
        FROM contact_sources AS sources WHERE contact_id = contacts.id) AS sources
FROM contacts JOIN domains ON domains.id = domain_id
WHERE suppression_hash(value) = :hash OR :is_domain AND (
    :hash = ANY (suppression_hashes(domain)) OR kind = 'email' AND :hash = ANY (suppression_hashes(value)))
ORDER BY contacts.id LIMIT 1000
""")

SUPPRESSED = text("SELECT EXISTS (SELECT FROM suppressions WHERE hash = :hash)")

ERASE = text("SELECT erase_subject(CAST(:spellings AS text[]), :actor, :reason)")

DOMAINS = text("SELECT id, domain FROM domains WHERE :hash = ANY (suppression_hashes(domain)) ORDER BY id FOR UPDATE")

ERASE_HISTORY = text("SELECT FROM erase_history(:workflow, CAST(:ids AS bigint[]), :actor, :reason)")


class InFlight(Exception):
    """The domain cannot be purged while work of it is in flight."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is held: the number of rows by table and column, the contacts with their sources, and the objection."""

    places: Mapping[str, int]
    contacts: Sequence[Mapping[str, Any]]
    suppressed: bool


def spellings_of(subject: Subject) -> list[str]:
    """Return the values to look for: also an IDNA host as people write it, and a number without its country code."""
    match subject.kind:
        case SubjectKind.PHONE:
            try:
                national = str(phonenumbers.parse(subject.value).national_number)
            except phonenumbers.NumberParseException:
                national = ""
            return [subject.value, *([national] if len(national) >= SHORTEST_NATIONAL else [])]
        case SubjectKind.EMAIL | SubjectKind.DOMAIN:
            name, at, host = subject.value.rpartition("@")
            try:
                readable = f"{name}{at}{host.encode().decode('idna')}"
            except UnicodeError:
                readable = subject.value
            return list(dict.fromkeys((subject.value, readable)))


def report(connection: Connection, subject: Subject) -> Report:
    """Return all that is held about ``subject``, and where it came from. At most 1,000 contacts are listed."""
    places = connection.execute(PLACES, {"spellings": spellings_of(subject)})
    contacts = connection.execute(
        CONTACTS, {"hash": subject.hash, "is_domain": subject.kind is SubjectKind.DOMAIN}
    ).mappings()
    return Report(
        {f"{row.of_table}.{row.of_column}": row.number for row in places},
        [dict(row) for row in contacts],
        connection.execute(SUPPRESSED, {"hash": subject.hash}).scalar_one(),
    )


def erase(
    connection: Connection, subject: Subject, *, actor: str, reason: str, workflows: Iterable[Workflow]
) -> dict[str, int]:
    """Suppress ``subject`` and erase it in every table; return how many rows of each table were deleted or changed.

    A domain is purged with its subdomains first. Raises :class:`InFlight`. Needs a transaction.
    """
    own = list(workflows)
    of_contacts = [workflow for workflow in own if workflow.table == "contacts"]
    removed = suppress(connection, {subject.hash: subject.kind}, actor=actor, reason=reason, of_contacts=of_contacts)
    counts = {"contacts": removed.contacts}
    if subject.kind is SubjectKind.DOMAIN:
        _add(counts, purge(connection, subject, actor=actor, reason=reason, workflows=own))
    values = {"spellings": spellings_of(subject), "actor": actor, "reason": reason}
    _add(counts, connection.execute(ERASE, values).scalar_one())
    return {table: count for table, count in counts.items() if count}


def purge(
    connection: Connection, subject: Subject, *, actor: str, reason: str, workflows: Iterable[Workflow]
) -> dict[str, int]:
    """Delete the domain ``subject`` with its subdomains and all that belongs to them; return the deleted rows by table.

    Businesses stay, without a link to the domain. The text in the history of the deleted records is removed. Raises
    :class:`InFlight` while a record of the domain is Processing. Needs a transaction.
    """
    # FOR UPDATE: no row that belongs to the domain is added from now on.
    domains = {row.id: row.domain for row in connection.execute(DOMAINS, {"hash": subject.hash})}
    belongs = {table.name: column for table in Base.metadata.tables.values() if (column := _domain_of(table))}
    values = {"domains": list(domains)}
    for workflow in workflows:
        if column := belongs.get(workflow.table):
            _erase_history(connection, workflow, column, values, actor=actor, reason=reason)
    counts: dict[str, int] = {}
    for table in reversed(Base.metadata.sorted_tables):
        if column := belongs.get(table.name):
            statement = (
                f"UPDATE {table.name} SET {column} = NULL"
                if column != "id" and table.columns[column].nullable
                else f"DELETE FROM {table.name}"
            )
            where = f" WHERE {column} = ANY(CAST(:domains AS bigint[]))"
            counts[table.name] = connection.execute(text(statement + where), values).rowcount
    return {table: count for table, count in counts.items() if count}


def _domain_of(table: Any) -> str | None:
    """Return the column of ``table`` that holds the id of a domain, None if there is none."""
    return "id" if table.name == "domains" else "domain_id" if "domain_id" in table.columns else None


def _erase_history(
    connection: Connection, workflow: Workflow, column: str, values: Mapping[str, Any], *, actor: str, reason: str
) -> None:
    where = f"{workflow.table} WHERE {column} = ANY(CAST(:domains AS bigint[]))"
    found = connection.execute(text(f"SELECT id, {workflow.field} = 'Processing' AS held FROM {where}"), values).all()
    if held := [row.id for row in found if row.held]:
        raise InFlight(
            f"{len(held)} records of {workflow.name} are Processing, such as {held[0]}; nothing was deleted. Wait for "
            "them, or abandon them"
        )
    if found:
        audit = {"workflow": workflow.name, "ids": [row.id for row in found], "actor": actor, "reason": reason}
        connection.execute(ERASE_HISTORY, audit)


def _add(counts: dict[str, int], more: Mapping[str, int]) -> None:
    for table, count in more.items():
        counts[table] = counts.get(table, 0) + count
