"""All facts of one home page, as columns of Domain. A fact that the page does not state is absent."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from domain_scheduler.images import read_favicon, read_logo
from domain_scheduler.tech_stack import CONTENT_SYSTEMS, Technology, read_tech_stack
from scrapersky.extraction.contact_links import contact_links
from scrapersky.extraction.contacts import find_contacts
from scrapersky.extraction.json_ld import Graph
from scrapersky.extraction.organisation import find_organisations, organisation_facts
from scrapersky.extraction.page import MAX_TITLE, MAX_URL, HtmlPage, PageLimits, language_tag
from scrapersky.extraction.withholding import withhold
from scrapersky.web.fetched import Fetched
from scrapersky.web.storable import storable, storable_json, tidy

MAX_METAS = 300
"""Meta elements kept in ``meta_json``."""


def read_facts(page: HtmlPage, fetched: Fetched, host: str, limits: PageLimits) -> dict[str, Any]:
    """Return {column of Domain: value} for every fact of ``page``, which was fetched for the domain ``host``.

    ``contacts`` and ``links`` are no columns: see :func:`~scrapersky.extraction.contacts.contact_rows` and
    :func:`~scrapersky.extraction.contact_links.contact_links`.
    """
    graph = Graph.parse(page.scripts('script[type*="ld+json" i]'))
    organisations = find_organisations(graph)
    technologies = read_tech_stack(page, fetched.headers)
    facts = {
        "final_url": storable(fetched.url, MAX_URL),
        "http_status": fetched.status,
        "title": page.title,
        "description": page.description,
        "language": page.language or language_tag(fetched.headers.get("content-language", "")),
        "favicon_url": read_favicon(page),
        "logo_url": read_logo(page, graph, organisations),
        "generator": tidy(page.meta("generator"), MAX_TITLE),
        **_wordpress(technologies),
        "tech_stack": [asdict(technology) for technology in technologies],
        "contacts": find_contacts(page, graph, organisations, host, limits),
        "links": contact_links(page, host),
        "organisation": storable_json(organisation_facts(organisations)),
        "meta_json": _meta_json(page, fetched, graph.values, limits.json_bytes),
    }
    contacts = facts.pop("contacts")
    kept = withhold(facts, limits.keep, host) | {"contacts": contacts}
    return {column: value for column, value in kept.items() if value not in (None, "", [], {})}


def _wordpress(technologies: Sequence[Technology]) -> dict[str, Any]:
    """Return the columns about WordPress and Elementor.

    False only where the page shows another content system, as a site can hide that it uses WordPress.
    """
    by_name = {technology.name: technology for technology in technologies}
    wordpress, elementor = by_name.get("WordPress"), by_name.get("Elementor")
    has_other = any(technology.category in CONTENT_SYSTEMS for technology in technologies)
    return {
        "is_wordpress": True if wordpress or elementor else False if has_other else None,
        "wordpress_version": wordpress.version if wordpress else None,
        "has_elementor": True if elementor else False if has_other else None,
        "elementor_version": elementor.version if elementor else None,
    }


def _meta_json(page: HtmlPage, fetched: Fetched, json_ld: Sequence[Any], max_bytes: int) -> dict[str, Any]:
    """Return ``{"meta": {name: [contents]}, "canonical", "redirects", "truncated", "json_ld": […], "left_out"}``.

    At most ``max_bytes``; ``left_out`` counts the parts that did not fit. Empty parts are absent.
    """
    kept: dict[str, Any] = {
        "meta": {},
        "canonical": page.canonical,
        "truncated": fetched.truncated,
        "json_ld": [],
    }
    size, left_out = _size(kept), 0
    for name, contents in list(page.metas.items())[:MAX_METAS]:
        entry = {storable(name, 100): [storable(content) for content in contents[:20]]}
        if (size := size + _size(entry)) > max_bytes:
            left_out += 1
            break
        kept["meta"] |= entry
    for value in json_ld:
        cleaned = storable_json(value)
        if size + _size(cleaned) > max_bytes:
            left_out += 1
            continue
        size += _size(cleaned)
        kept["json_ld"].append(cleaned)
    present = {name: value for name, value in kept.items() if value not in (None, {}, [])}
    return present | {"redirects": list(fetched.redirects), "left_out": left_out}


def _size(value: object) -> int:
    return len(json.dumps(value))
