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
JSON_COLUMNS = frozenset(("tech_stack", "organisation", "meta_json"))

EXPRESSIONS = {
    # Without positive evidence, set False only where the column is NULL.
    "is_wordpress": "coalesce({new}, is_wordpress, false)",
    "has_elementor": "coalesce({new}, has_elementor, false)",
    # Keys that are missing from the new value keep their old one.
    "meta_json": "coalesce(coalesce(meta_json, '{{}}') || {new}, meta_json)",
}
"""Columns that are not just replaced where the new value is not NULL."""


def _statement() -> str:
    """Return one UPDATE for all pages, whatever facts each has, so that it is compiled once."""
    new = {name: f"CAST(:{name} AS {Domain.__table__.c[name].type.compile(DIALECT)})" for name in FACTS}
    values = (
        f"{name} = {EXPRESSIONS.get(name, 'coalesce({new}, ' + name + ')').format(new=new[name])}" for name in FACTS
    )
    return f"UPDATE domains SET {', '.join(values)}, last_scan = now(), updated_at = now() WHERE id = :id"


SAVE = text(_statement())


def save_facts(connection: Connection, domain_id: int, facts: Mapping[str, Any]) -> None:
    """Update the columns in ``facts`` ({column: value that is not empty}) and the time of the scan; keep all others.

    Raises KeyError for a name that is not in :data:`FACTS`.
    """
    values: dict[str, Any] = dict.fromkeys(FACTS)
    for name, value in facts.items():
        if name not in values:
            raise KeyError(f"{name} is not a column that a home page fills; these are {', '.join(FACTS)}")
        values[name] = json.dumps(value) if name in JSON_COLUMNS else value
    connection.execute(SAVE, values | {"id": domain_id})


LEAD_SOURCE = "home_page_link"

SAVE_LINKS = text(
    f"""
WITH linked AS (
    SELECT * FROM jsonb_to_recordset(CAST(:links AS jsonb))
    AS linked(url text, page_type text, path_depth smallint, other_host boolean)
),
-- A page that exists is not locked: its reading may hold it, and then waits for the domain that this transaction holds.
new AS (
    INSERT INTO pages (domain_id, tenant, label, url, page_type, path_depth, other_host, lead_source)
    SELECT domains.id, domains.tenant, domains.label, url, page_type, path_depth, other_host, '{LEAD_SOURCE}'
    FROM linked, domains WHERE domains.id = :domain_id ORDER BY url
    ON CONFLICT (domain_id, url) DO NOTHING RETURNING id
)
SELECT id FROM new
UNION ALL
SELECT pages.id FROM pages JOIN linked USING (url) WHERE domain_id = :domain_id
"""
)


def save_links(connection: Connection, domain_id: RecordId, links: Sequence[Mapping[str, Any]]) -> list[RecordId]:
    """Save pages that a home page links ({"url", "page_type", "path_depth", "other_host"}); return the ids of all."""
    if not links:
        return []
    return list(connection.execute(SAVE_LINKS, {"domain_id": domain_id, "links": json.dumps(list(links))}).scalars())
