"""The contacts that a run found: cards for a person, and rows for a spreadsheet."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from sqlalchemy import Connection, text

from scrapersky.lists import files

CONTACTS = """
SELECT coalesce(business.business_name, domains.title, domain) AS business, business.full_address AS address, domain,
    kind, category, value, email_check_result AS check, email_check_reason AS check_reason,
    found_in, source.url AS source, context, contacts.first_seen, contacts.last_seen,
    imprint ->> 'legal_name' AS legal_name, imprint ->> 'register' AS register, imprint ->> 'vat_id' AS vat_id,
    owner.url AS imprint_url
FROM contacts
JOIN domains ON domains.id = contacts.domain_id
-- Of a chain, one business stands for all.
LEFT JOIN LATERAL (
    SELECT business_name, full_address FROM local_businesses WHERE local_businesses.domain_id = domains.id ORDER BY id LIMIT 1
) AS business ON true
-- The page that says who owns the website: one that names the company before others.
LEFT JOIN LATERAL (
    SELECT imprint, url FROM pages WHERE pages.domain_id = domains.id AND imprint - 'address' <> '{}'
    ORDER BY imprint ->> 'legal_name' IS NULL, id LIMIT 1
) AS owner ON true
-- The first source of each.
JOIN LATERAL (
    SELECT found_in, url, context FROM contact_sources WHERE contact_id = contacts.id ORDER BY contact_sources.id LIMIT 1
) AS source ON true
WHERE gone_at IS NULL
ORDER BY domains.id, array_position(ARRAY['email', 'phone', 'form', 'social'], kind), contacts.id
"""

OWNER = ("legal_name", "register", "vat_id")
"""What an imprint says about the owner of a website."""

Row = Mapping[str, Any]


def contacts(connection: Connection) -> list[Row]:
    """Return every contact that is not gone, with its business and its first source, grouped by domain."""
    return [dict(row) for row in connection.execute(text(CONTACTS)).mappings()]


def show_cards(console: Console, found: Sequence[Row]) -> None:
    """Print a card for each domain: the business, its place, its owner, and its contacts with the page that gives each."""
    if not found:
        return
    console.print("\n[bold]Contacts[/]")
    for _, group in groupby(found, key=lambda row: row["domain"]):
        rows = list(group)
        place = f" · {escape(rows[0]['address'])}" if rows[0]["address"] else ""
        console.print(f"  [bold]{escape(rows[0]['business'])}[/]{place}", highlight=False, soft_wrap=True)
        owner = ", ".join(filter(None, (rows[0][column] for column in OWNER)))
        lines = [("owner", owner, rows[0]["imprint_url"])] if owner else []
        for row in rows:
            name, category = (row["category"], None) if row["kind"] == "social" else (row["kind"], row["category"])
            check = f"{row['check']}: {row['check_reason']}" if row["check"] else None
            notes = "; ".join(filter(None, (category, check, f"{row['found_in']}, {row['source']}")))
            lines.append((name, row["value"], notes))
        for name, value, notes in lines:
            console.print(f"    {name:<10}{value}  ({notes})", highlight=False, soft_wrap=True, markup=False)


def write_csv(file: Path, found: Sequence[Row]) -> None:
    """Write ``found`` as CSV in UTF-8 to ``file``. A text that a spreadsheet would evaluate starts with an apostrophe."""
    file.parent.mkdir(parents=True, exist_ok=True)
    columns = ["business", "address", "domain", "kind", "category", "value", "check", "check_reason"]
    columns += ["found_in", "source", "context", *OWNER]
    with file.open("wb") as out:
        files.write_csv(out, columns, ([row[column] for column in columns] for row in found))
