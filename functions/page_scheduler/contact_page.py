"""Read one page in the child process: whom it gives to be contacted, and what it says about itself."""

from dataclasses import asdict
from typing import Any

from scrapersky.extraction.blocked_pages import (
    reject_blank,
    reject_challenge_or_parking,
    reject_opt_out,
    robots_directives,
)
from scrapersky.extraction.contacts import find_contacts
from scrapersky.extraction.imprint import read_imprint
from scrapersky.extraction.json_ld import Graph
from scrapersky.extraction.organisation import find_organisations
from scrapersky.extraction.page import MAX_TITLE, HtmlPage, PageLimits, sample_page
from scrapersky.extraction.withholding import withhold
from scrapersky.web.charset import decode_page, load_codecs
from scrapersky.web.fetched import Fetched
from scrapersky.web.storable import storable_json, tidy


def read_contact_page(fetched: Fetched, *, host: str, is_imprint: bool, limits: dict[str, Any]) -> dict[str, Any]:
    """Return what ``fetched``, a page of the domain ``host``, gives. ``limits`` is a PageLimits as a dict.

    ``{"facts": {column of Page: value}, "contacts": rows}``, see :func:`~scrapersky.extraction.contacts.contact_rows`; or
    ``{"rejected": [code, reason]}``, see :mod:`~scrapersky.extraction.blocked_pages`.
    """
    bounds = PageLimits(**limits)
    page = HtmlPage.parse(decode_page(fetched).text, fetched.url, bounds.text)
    rejection = (
        reject_challenge_or_parking(page, moved_to=None)
        or reject_blank(page)
        or reject_opt_out(page, fetched.headers, bounds.opt_outs, bounds.agent)
    )
    if rejection:
        return {"rejected": list(asdict(rejection).values())}
    graph = Graph.parse(page.scripts('script[type*="ld+json" i]'))
    organisations = find_organisations(graph)
    heading = page.tree.css_first("h1")
    facts = {
        "title": page.title,
        "h1": tidy(heading.text(), MAX_TITLE) if heading is not None else None,
        "canonical_url": page.canonical,
        "imprint": storable_json(read_imprint(page, organisations, is_imprint=is_imprint)),
        "meta_robots": tidy(", ".join(robots_directives(page, fetched.headers, bounds.agent)), MAX_TITLE),
    }
    return {
        "facts": withhold(facts, bounds.keep, host),
        "contacts": find_contacts(page, graph, organisations, host, bounds),
    }


def warm_up() -> None:
    """Read a page that needs every module and file which reading may need."""
    load_codecs()
    read_contact_page(sample_page(), host="xn--exmple-cua.com", is_imprint=True, limits={})
