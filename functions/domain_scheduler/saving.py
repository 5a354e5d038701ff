"""Saves what a home page told. A scan that found nothing never erases what an earlier one found."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, literal, update
from sqlalchemy.dialects.postgresql import JSONB

from scrapersky.models import Domain


def save_facts(connection: Connection, domain_id: int, facts: Mapping[str, Any]) -> None:
    """Sets exactly the columns in ``facts``, none of which is empty, and the time of the scan; all others stay.

    A page that shows neither WordPress nor Elementor, nor what it is made with instead, only answers what was unknown.
    """
    unless_known = {
        "is_wordpress": func.coalesce(Domain.is_wordpress, False),
        "has_elementor": func.coalesce(Domain.has_elementor, False),
    }
    values = unless_known | dict(facts) | {"last_scan": func.now()}
    if "meta_json" in facts:
        known = func.coalesce(Domain.meta_json, literal({}, JSONB))
        values["meta_json"] = known.concat(literal(facts["meta_json"], JSONB))  # part by part, as the columns
    connection.execute(update(Domain).where(Domain.id == domain_id).values(**values))
