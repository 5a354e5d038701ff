"""The organisation behind a page, from its JSON-LD."""

import html
import re
from collections.abc import Sequence
from typing import Any

from scrapersky.extraction.countries import country_code
from scrapersky.extraction.json_ld import Graph, Node
from scrapersky.extraction.schema_org_hours import hours_from_schema_org
from scrapersky.hours import Hours
from scrapersky.web.storable import tidy

_NEVER = frozenset(
    str.split(
        "Person WebSite Blog Service Place City State Country AdministrativeArea PostalAddress Question Answer Brand "
        "ContactPoint GeoCoordinates SiteNavigationElement WPHeader WPFooter WPSideBar CreativeWork Course Recipe Book Movie "
        "Vehicle Car Menu Thing Festival"
    )
)
_NEVER_ENDS = tuple(
    str.split(
        "Page Application Event Article Posting Action Object Specification Review Rating Trip List Item Series Offer Term "
        "Catalog Code Program"
    )
)
"""Types that share properties with organisations but are not organisations, and the ends of such types."""

_ALWAYS = frozenset(("Organization", "LocalBusiness"))
"""Types that make a node an organisation, whatever else it is. WordPress plugins use them beside ``Person``."""

_WEIGHTS = {
    "address": 3, "telephone": 2, "openingHoursSpecification": 2, "openingHours": 2, "geo": 1, "email": 1, "logo": 1,
    "sameAs": 1, "url": 1,
}  # fmt: skip
"""How much a property says about an organisation."""


_MAILTO = re.compile(r"\Amailto:\s*([^?]*).*", re.IGNORECASE)


def find_organisations(graph: Graph) -> list[Node]:
    """Return the nodes that describe organisations, the most detailed first.

    schema.org has about two hundred types of business. A node counts if it has a name and a property of an
    organisation, unless its type excludes it. Organisations that the page only relates to (a product's brand, an
    event's place) count only where there are no others. References to other nodes are resolved.
    """
    found = [node for node in graph.own_nodes if _is_organisation(node)]
    found = found or [node for node in graph.nodes if _is_organisation(node)]
    return sorted((graph.linked(node, _WEIGHTS) for node in found), key=_weight, reverse=True)


def organisation_facts(organisations: Sequence[Node]) -> dict[str, Any]:
    """Return the facts of the first of ``organisations``, completed by others of the same name.

    ``{"name", "types", "legal_name", "description", "url", "telephone": [], "email": [], "address": {"street", "city",
    "state", "zip", "country", "country_name"}, "latitude", "longitude", "opening_hours", "price_range", "same_as":
    []}``; unknown ones are absent. An address that is plain text is ``{"text"}``.
    """
    if not organisations:
        return {}
    name = _name(organisations[0])
    facts: dict[str, Any] = {}
    for node in organisations:
        if _name(node) == name:
            facts = {key: value for key, value in _facts(node).items() if value} | facts
    return facts


def address_country(organisations: Sequence[Node]) -> str | None:
    """Return the country (ISO 3166-1 alpha-2) of the first organisation that has one."""
    return next((country for node in organisations for country in [_address(node).get("country")] if country), None)


def opening_hours(node: Node) -> Hours | None:
    """Return the node's opening hours, or None.

    Entries with ``validFrom`` are left out: they are seasons and holidays.
    """
    specified = [
        (child.texts("dayOfWeek"), child.get("opens"), child.get("closes"))
        for child in node.children("openingHoursSpecification")[:100]
        if not child.get("validFrom")
    ]
    return hours_from_schema_org(specified, node.texts("openingHours")[:100])


def _is_organisation(node: Node) -> bool:
    types = node.types
    is_typed = bool(_ALWAYS.intersection(types))
    is_likely = bool(types) and not any(map(_is_never, types)) and _weight(node) > 0
    return (is_typed or is_likely) and _name(node) is not None


def _is_never(name: str) -> bool:
    """Return whether ``name`` is a type that no organisation has alone."""
    return name in _NEVER or name.startswith("Product") or name.endswith(_NEVER_ENDS)


def _weight(node: Node) -> int:
    return sum(weight for name, weight in _WEIGHTS.items() if node.get(name))


def _facts(node: Node) -> dict[str, Any]:
    position = next((child.properties for child in node.children("geo")), {})
    return {
        "name": _name(node),
        "types": node.types[:10],
        "legal_name": _clean(node.text("legalName")),
        "description": _clean(node.text("description")),
        "url": _clean(node.text("url")),
        "telephone": [text for text in map(_clean, node.texts("telephone")) if text][:20],
        "email": [_MAILTO.sub(r"\1", text) for text in map(_clean, node.texts("email")) if text][:20],
        "address": _address(node),
        "latitude": _degrees(position.get("latitude"), 90),
        "longitude": _degrees(position.get("longitude"), 180),
        "opening_hours": opening_hours(node),
        "price_range": _clean(node.text("priceRange")),
        "same_as": [text for text in map(_clean, node.texts("sameAs")) if text][:50],
    }


def _address(node: Node) -> dict[str, str]:
    address = next(iter(node.children("address")), None)
    if address is None:
        value = node.get("address")
        text = _clean(value) if isinstance(value, str) else None
        return {"text": text} if text else {}
    country = _clean(address.text("addressCountry"))
    parts = {
        "street": _clean(address.text("streetAddress")),
        "city": _clean(address.text("addressLocality")),
        "state": _clean(address.text("addressRegion")),
        "zip": _clean(address.text("postalCode")),
        "country": country_code(country or ""),
        "country_name": country if country and not country_code(country) else None,
    }
    return {name: part for name, part in parts.items() if part}


def _name(node: Node) -> str | None:
    return _clean(node.text("name", "legalName"))


def _clean(text: str | None) -> str | None:
    return tidy(html.unescape(text)) if text else None


def _degrees(value: object, limit: int) -> float | None:
    try:
        degrees = float(str(value).replace(",", "."))
    except ValueError:
        return None
    return degrees if abs(degrees) <= limit else None
