"""Who stands behind a page, by its own structured data."""

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from domain_scheduler.countries import country_code
from domain_scheduler.opening_times import opening_times
from domain_scheduler.structured_data import by_id, first_text, nodes, texts, types_of
from scrapersky.web.storable import tidy

_NEVER = re.compile(
    r"Person|WebSite|Article|Blog|Product\w*|Offer|Service|Place|City|State|Country|AdministrativeArea|PostalAddress|Question"
    r"|Answer|Brand|ContactPoint|GeoCoordinates|SiteNavigationElement|WPHeader|WPFooter|WPSideBar|CreativeWork|Course|Recipe"
    r"|Book|Movie|Vehicle|Car|Menu|Thing|Festival"
    r"|\w*(?:Page|Application|Event|Article|Posting|Action|Object|Specification|Review|Rating|Trip|List|Item|Series|Offer|Term"
    r"|Catalog|Code|Program)"
)
"""Types that have an organisation's properties, and are none."""

_SURELY = frozenset(("Organization", "LocalBusiness"))
"""A node of one of these types is one, whatever else it is: WordPress's plugins write of a ``["Person", "Organization"]``."""

_OF_OTHERS = frozenset(
    str.split(
        "brand manufacturer author creator editor contributor reviewedBy review reviews itemReviewed location "
        "contentLocation department subOrganization parentOrganization memberOf member branchOf containedInPlace sponsor "
        "funder worksFor affiliation alumniOf performer employee founder areaServed knowsAbout subjectOf award"
    )
)
"""Properties that lead to organisations that something else has to do with."""

_WEIGHTS = {
    "address": 3,
    "telephone": 2,
    "openingHoursSpecification": 2,
    "openingHours": 2,
    "geo": 1,
    "email": 1,
    "logo": 1,
    "sameAs": 1,
    "url": 1,
}


def organisations(values: Sequence[Any]) -> list[Mapping[str, Any]]:
    """The nodes of ``values`` (JSON-LD) that are organisations, the best described first.

    schema.org has two hundred kinds of business: whatever has a name and an organisation's properties is one, unless
    it is something else that has them too. Other people's (a product's brand, an event's place) count where there are
    no others. What a node says by ``{"@id": …}`` of another one is there in full.
    """
    found = [node for node in nodes(values, _OF_OTHERS) if _is_organisation(node)]
    found = found or [node for node in nodes(values) if _is_organisation(node)]
    known = by_id(values) if found else {}
    return sorted((_linked(node, known) for node in found), key=_weight, reverse=True)


def organisation_facts(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What ``found`` (:func:`organisations`) tells of the first of them, completed by others of the same name.

    ``{"name", "types", "description", "url", "telephone": [], "email": [], "address": {"street", "city", "state",
    "zip", "country"}, "latitude", "longitude", "opening_hours", "price_range", "same_as": []}``, each only if told.
    """
    if not found:
        return {}
    same = [node for node in found if _name(node) == _name(found[0])]
    facts: dict[str, Any] = {}
    for node in same:
        facts = {name: value for name, value in _facts(node).items() if value} | facts
    return facts


def address_country(found: Sequence[Mapping[str, Any]]) -> str | None:
    """The country (ISO 3166-1 alpha-2) of the first organisation that names one."""
    return next((country for node in found for country in [_address(node).get("country")] if country), None)


def _is_organisation(node: Mapping[str, Any]) -> bool:
    types = types_of(node)
    surely = bool(_SURELY.intersection(types))
    maybe = bool(types) and not any(map(_NEVER.fullmatch, types)) and _weight(node) > 0
    return (surely or maybe) and _name(node) is not None


def _linked(node: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    return {name: _target(value, known) if name in _WEIGHTS else value for name, value in node.items()}


def _target(value: object, known: Mapping[str, Mapping[str, Any]]) -> object:
    if isinstance(value, list):
        return [_target(each, known) for each in value[:100] if not isinstance(each, list)]
    return known.get(str(value["@id"]), value) if isinstance(value, dict) and value.keys() == {"@id"} else value


def _weight(node: Mapping[str, Any]) -> int:
    return sum(weight for name, weight in _WEIGHTS.items() if node.get(name))


def _facts(node: Mapping[str, Any]) -> dict[str, Any]:
    geo = node.get("geo")
    geo = geo if isinstance(geo, dict) else {}
    return {
        "name": _name(node),
        "types": types_of(node)[:10],
        "legal_name": _clean(first_text(node, "legalName")),
        "description": _clean(first_text(node, "description")),
        "url": _clean(first_text(node, "url")),
        "telephone": [text for text in map(_clean, texts(node.get("telephone"))) if text][:20],
        "email": [text.removeprefix("mailto:") for text in map(_clean, texts(node.get("email"))) if text][:20],
        "address": _address(node),
        "latitude": _degrees(geo.get("latitude"), 90),
        "longitude": _degrees(geo.get("longitude"), 180),
        "opening_hours": opening_times(node),
        "price_range": _clean(first_text(node, "priceRange")),
        "same_as": [text for text in map(_clean, texts(node.get("sameAs"))) if text][:50],
    }


def _address(node: Mapping[str, Any]) -> dict[str, str]:
    address = node.get("address")
    address = next((each for each in address if isinstance(each, dict)), None) if isinstance(address, list) else address
    if isinstance(address, str):
        text = _clean(address)
        return {"text": text} if text else {}
    if not isinstance(address, dict):
        return {}
    country = _clean(first_text(address, "addressCountry"))
    parts = {
        "street": _clean(first_text(address, "streetAddress")),
        "city": _clean(first_text(address, "addressLocality")),
        "state": _clean(first_text(address, "addressRegion")),
        "zip": _clean(first_text(address, "postalCode")),
        "country": country_code(country or ""),
        "country_name": country if country and not country_code(country) else None,
    }
    return {name: part for name, part in parts.items() if part}


def _name(node: Mapping[str, Any]) -> str | None:
    return _clean(first_text(node, "name", "legalName"))


def _clean(text: str | None) -> str | None:
    return tidy(html.unescape(text)) if text else None


def _degrees(value: object, limit: int) -> float | None:
    try:
        degrees = float(str(value).replace(",", "."))
    except ValueError:
        return None
    return degrees if abs(degrees) <= limit else None
