"""Save the facts and links of a home page. A page that lacks a fact never erases one that an earlier page had."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.dialects import postgresql

from scrapersky.models import Domain
from scrapersky.vocabulary import RecordId

FACTS = (
    "final_url", "http_status", "title", "description", "language", "favicon_url", "logo_url", "generator",
    "is_wordpress", "wordpress_version", "has_elementor", "elementor_version", "tech_stack", "organisation",
    "meta_json",
)  # fmt: skip
"""Columns of Domain that a home page may fill."""

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]

EXPRESSIONS = {
    # Without positive evidence, set False only where the column is NULL.
    "is_wordpress": "coalesce({new}, {old}, false)",
    "has_elementor": "coalesce({new}, {old}, false)",
    # Keys that are missing from the new value keep their old one.
    "meta_json": "coalesce(coalesce({old}, '{{}}') || {new}, {old})",
}
"""Columns that are not just replaced where the new value is not NULL."""


def _statement() -> str:
    """Return one UPDATE for all pages, whatever facts each has, so that it is compiled once."""
    values = (
        f"{name} = {EXPRESSIONS.get(name, 'coalesce({new}, {old})').format(new=f'new.{name}', old=f'domains.{name}')}"
        for name in FACTS
    )
    types = (f"{name} {Domain.__table__.c[name].type.compile(DIALECT)}" for name in FACTS)
    return (
        f"UPDATE domains SET {', '.join(values)}, last_scan = now(), updated_at = now()"
        f" FROM jsonb_to_recordset(CAST(:pages AS jsonb)) AS new(id bigint, {', '.join(types)})"
        " WHERE domains.id = new.id"
    )


SAVE = text(_statement())


def save_facts(connection: Connection, pages: Mapping[RecordId, Mapping[str, Any]]) -> None:
    """Update the columns in ``pages`` ({domain's id: {column: value that is not empty}}) and the times of the scans.

    All other columns keep their value. Raises KeyError for a name that is not in :data:`FACTS`.
    """
    for facts in pages.values():
        if unknown := sorted(set(facts) - set(FACTS)):
            raise KeyError(f"{unknown[0]} is not a column that a home page fills; these are {', '.join(FACTS)}")
    rows = [{"id": domain_id, **facts} for domain_id, facts in pages.items()]
    connection.execute(SAVE, {"pages": json.dumps(rows)})


LEAD_SOURCE = "home_page_link"

SAVE_LINKS = text(
    f"""
WITH linked AS (
    SELECT * FROM jsonb_to_recordset(CAST(:links AS jsonb))
    AS linked(domain_id bigint, url text, page_type text, path_depth smallint, other_host boolean)
),
-- A page that exists is not locked: its reading may hold it, and then waits for the domain that this transaction holds.
new AS (
    INSERT INTO pages (domain_id, tenant, label, url, page_type, path_depth, other_host, lead_source)
    SELECT domain_id, domains.tenant, domains.label, url, page_type, path_depth, other_host, '{LEAD_SOURCE}'
    FROM linked JOIN domains ON domains.id = domain_id ORDER BY domain_id, url
    ON CONFLICT (domain_id, url) DO NOTHING RETURNING id
)
SELECT id FROM new
UNION ALL
SELECT pages.id FROM pages JOIN linked USING (domain_id, url)
"""
)


def save_links(connection: Connection, links: Mapping[RecordId, Sequence[Mapping[str, Any]]]) -> list[RecordId]:
    """Save pages that home pages link; return the ids of all.

    ``links``: {domain's id: [{"url", "page_type", "path_depth", "other_host"}]}.
    """
    rows = [{"domain_id": domain_id, **link} for domain_id, linked in links.items() for link in linked]
    return list(connection.execute(SAVE_LINKS, {"links": json.dumps(rows)}).scalars()) if rows else []
