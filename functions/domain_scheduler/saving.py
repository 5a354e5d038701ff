"""Saves what a home page told. A scan that found nothing never erases what an earlier one found."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.dialects import postgresql

from scrapersky.models import Domain

TOLD_BY_A_PAGE = (
    "final_url", "http_status", "title", "description", "language", "favicon_url", "logo_url", "generator",
    "is_wordpress", "wordpress_version", "has_elementor", "elementor_version", "tech_stack", "email_addresses",
    "phone_numbers", "facebook_url", "twitter_url", "linkedin_url", "instagram_url", "youtube_url", "tiktok_url",
    "pinterest_url", "organisation", "meta_json",
)  # fmt: skip
"""Columns of a domain that a page may tell."""

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
AS_JSON = frozenset(("tech_stack", "organisation", "meta_json"))

# A page that shows neither WordPress nor Elementor, nor what it is made with instead, only answers what was unknown.
# meta_json grows part by part, as the columns do.
IN_ANOTHER_WAY = {
    "is_wordpress": "coalesce({told}, is_wordpress, false)",
    "has_elementor": "coalesce({told}, has_elementor, false)",
    "meta_json": "coalesce(coalesce(meta_json, '{{}}') || {told}, meta_json)",
}


def _statement() -> str:
    """One text for all pages, whatever each told: it is compiled once, and making it anew took longer than to save by it."""
    told = {name: f"CAST(:{name} AS {Domain.__table__.c[name].type.compile(DIALECT)})" for name in TOLD_BY_A_PAGE}
    values = (
        f"{name} = {IN_ANOTHER_WAY.get(name, 'coalesce({told}, ' + name + ')').format(told=told[name])}"
        for name in TOLD_BY_A_PAGE
    )
    return f"UPDATE domains SET {', '.join(values)}, last_scan = now(), updated_at = now() WHERE id = :id"


SAVE = text(_statement())


def save_facts(connection: Connection, domain_id: int, facts: Mapping[str, Any]) -> None:
    """Sets exactly the columns in ``facts``, none of which is empty, and the time of the scan; all others stay."""
    values: dict[str, Any] = dict.fromkeys(TOLD_BY_A_PAGE)
    for name, value in facts.items():
        if name not in values:
            raise KeyError(f"{name} is no column that a page tells of a domain; those are {', '.join(TOLD_BY_A_PAGE)}")
        values[name] = json.dumps(value) if name in AS_JSON else value
    connection.execute(SAVE, values | {"id": domain_id})
