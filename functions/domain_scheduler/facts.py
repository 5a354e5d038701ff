"""All that one home page tells, as columns of Domain. What it does not tell is absent: nothing is made up."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from domain_scheduler.contacts import read_contacts
from domain_scheduler.html_page import HtmlPage, language_tag
from domain_scheduler.limits import MAX_TITLE, MAX_URL
from domain_scheduler.organisation import organisation_facts, organisations
from domain_scheduler.pictures import read_favicon, read_logo
from domain_scheduler.socials import read_socials
from domain_scheduler.structured_data import read_json_ld
from domain_scheduler.tech_stack import CONTENT_SYSTEMS, Technology, read_tech_stack
from scrapersky.settings import Settings
from scrapersky.web.client import Fetched
from scrapersky.web.storable import storable, storable_json, tidy

MAX_METAS = 300
"""Meta elements kept in ``meta_json``."""


def read_facts(page: HtmlPage, fetched: Fetched, host: str, settings: Settings) -> dict[str, Any]:
    """{column of Domain: value}, for whatever ``page``, fetched for the domain ``host``, has something to say about."""
    json_ld = read_json_ld(page.scripts('script[type*="ld+json" i]'))
    found = organisations(json_ld)
    organisation = organisation_facts(found)
    technologies = read_tech_stack(page, fetched.headers)
    contacts = read_contacts(page, json_ld, found, host, settings.metadata_max_contacts)
    socials = read_socials(page, [url for node in found for url in _same_as(node)])
    facts = {
        "final_url": storable(fetched.url, MAX_URL),
        "http_status": fetched.status,
        "title": page.title,
        "description": page.description,
        "language": page.language or language_tag(fetched.headers.get("content-language", "")),
        "favicon_url": read_favicon(page),
        "logo_url": read_logo(page, json_ld, found),
        "generator": tidy(page.meta("generator"), MAX_TITLE),
        **_wordpress(technologies),
        "tech_stack": [asdict(technology) for technology in technologies],
        "email_addresses": contacts.emails,
        "phone_numbers": contacts.phones,
        **{f"{network}_url": url[:MAX_URL] for network, url in socials.items()},
        "organisation": storable_json(organisation),
        "meta_json": _meta_json(page, fetched, json_ld, settings.metadata_max_json_bytes),
    }
    return {column: value for column, value in facts.items() if value not in (None, "", [], {})}


def _wordpress(technologies: Sequence[Technology]) -> dict[str, Any]:
    """Found is True. False only where the page shows what it is made with instead: a hidden WordPress is no absent one."""
    by_name = {technology.name: technology for technology in technologies}
    wordpress, elementor = by_name.get("WordPress"), by_name.get("Elementor")
    other = any(technology.category in CONTENT_SYSTEMS for technology in technologies)
    return {
        "is_wordpress": True if wordpress or elementor else False if other else None,
        "wordpress_version": wordpress.version if wordpress else None,
        "has_elementor": True if elementor else False if other else None,
        "elementor_version": elementor.version if elementor else None,
    }


def _same_as(node: Mapping[str, Any]) -> list[str]:
    value = node.get("sameAs")
    return [url for url in (value if isinstance(value, list) else [value])[:50] if isinstance(url, str)]


def _meta_json(page: HtmlPage, fetched: Fetched, json_ld: Sequence[Any], max_bytes: int) -> dict[str, Any]:
    """``{"meta": {name: [contents]}, "canonical", "redirects", "truncated", "json_ld": […], "left_out"}``, each if told.

    At most ``max_bytes``: what does not fit is left out, and counted.
    """
    canonical = next((link["href"] for link in page.elements("link[rel~=canonical i][href]")), None)
    kept: dict[str, Any] = {
        "meta": {},
        "canonical": page.absolute(canonical),
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
    told = {name: value for name, value in kept.items() if value not in (None, {}, [])}
    return told | {"redirects": list(fetched.redirects), "left_out": left_out}


def _size(value: object) -> int:
    return len(json.dumps(value))
