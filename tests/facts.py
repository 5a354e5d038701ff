"""The facts of a page with the contact columns that the domain will have, for tests that compare these."""

from typing import Any

from domain_scheduler.facts import read_facts
from scrapersky.extraction.page import HtmlPage, PageLimits
from scrapersky.web.fetched import Fetched


def facts_and_columns(page: HtmlPage, fetched: Fetched, host: str) -> dict[str, Any]:
    """Return the facts of ``page``; its contacts as ``email_addresses``, ``phone_numbers`` and ``<network>_url``."""
    facts = read_facts(page, fetched, host, PageLimits())
    for kind, value, _, category, _ in facts.get("contacts", []):
        if kind == "social":
            facts[f"{category}_url"] = value
        elif column := {"email": "email_addresses", "phone": "phone_numbers"}.get(kind):
            facts.setdefault(column, []).append(value)
    return facts
