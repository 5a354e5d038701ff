"""JSON-LD of a page, parsed and walked once, with accessors for the shapes that real pages use.

Scripts are found in HTML comments, escaped as text, with syntax errors and with several values in one script.
Format: https://www.w3.org/TR/json-ld11/; vocabulary: https://schema.org/.
"""

import html
import json
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from scrapersky.extraction.json_repair import read_broken_json

MAX_SCRIPT = 1_000_000
"""Characters read of one script."""

MAX_VALUES = 20_000
"""Objects, lists and plain values read of one page; the rest of a longer script is ignored."""

MAX_LIST = 1_000
"""Values read of one list."""

RELATED = frozenset(
    str.split(
        "brand manufacturer author creator editor contributor reviewedBy review reviews itemReviewed location "
        "contentLocation department subOrganization parentOrganization memberOf member branchOf containedInPlace sponsor "
        "funder worksFor affiliation alumniOf performer employee founder areaServed knowsAbout subjectOf award"
    )
)
"""Properties that lead to other parties: a product's brand, an event's place, a review's author."""

_BETWEEN = re.compile(r"[\s,;]*")
_VOCABULARY = re.compile(r"(?:schema:|https?://schema\.org/)(?=\w)")
_TEXT_KEYS = ("@value", "name", "url", "@id")


@dataclass(frozen=True, slots=True)
class Node:
    """One JSON object, with accessors for the ways in which a property can be written."""

    properties: Mapping[str, Any]

    @property
    def types(self) -> list[str]:
        """The types without the vocabulary's address: ``https://schema.org/Hotel``, ``schema:Hotel`` → ``Hotel``."""
        return [_VOCABULARY.sub("", text).rpartition("/")[2].rpartition("#")[2] for text in self.texts("@type")]

    def get(self, name: str) -> Any:
        """Return the value of a property as it is written, or None."""
        return self.properties.get(name)

    def values(self, name: str) -> list[Any]:
        """Return the values of a property: those of a list, or the only one. Empty where the property is absent."""
        value = self.properties.get(name)
        return value[:MAX_LIST] if isinstance(value, list) else [] if value is None else [value]

    def children(self, name: str) -> list["Node"]:
        """Return the values of a property that are objects."""
        return [Node(value) for value in self.values(name) if isinstance(value, dict)]

    def texts(self, name: str) -> list[str]:
        """Return the strings of a property that are not blank, also of ``{"@value"}``, ``{"name"}`` and ``{"@id"}``."""
        return [text for value in self.values(name) if (text := _text(value).strip())]

    def text(self, *names: str) -> str | None:
        """Return the first string of the first of these properties that has one."""
        return next((text for name in names for text in self.texts(name)), None)


@dataclass
class Graph:
    """All JSON-LD of one page."""

    values: list[Any]
    """The parsed scripts."""
    nodes: list[Node] = field(init=False, default_factory=list)
    """Every object, parents before their children, in document order."""
    own_nodes: list[Node] = field(init=False, default_factory=list)
    """Those of ``nodes`` that are not below a property in :data:`RELATED`."""

    def __post_init__(self) -> None:
        # Depth first. Each of the two lists is limited as if it were made alone, so that a shop with ten thousand
        # reviews does not hide the organisation behind them.
        waiting = [(value, True) for value in reversed(self.values)]
        seen = seen_own = 0
        while waiting:
            value, is_own = waiting.pop()
            seen += 1
            seen_own += is_own
            if seen_own > MAX_VALUES:
                return
            if seen > MAX_VALUES and not is_own:
                continue
            if isinstance(value, dict):
                node = Node(value)
                if seen <= MAX_VALUES:
                    self.nodes.append(node)
                if is_own:
                    self.own_nodes.append(node)
                waiting += [(inner, is_own and key not in RELATED) for key, inner in value.items()][::-1]
            elif isinstance(value, list):
                waiting += [(inner, is_own) for inner in reversed(value)]

    @classmethod
    def parse(cls, scripts: Iterable[str]) -> "Graph":
        """Parse the contents of JSON-LD scripts; what cannot be read is left out."""
        return cls([value for script in scripts for value in _parse(script[:MAX_SCRIPT])])

    def linked(self, node: Node, names: Container[str]) -> Node:
        """Return ``node`` with the references (``{"@id": …}``) in the properties ``names`` resolved."""
        return Node({name: self._target(value) if name in names else value for name, value in node.properties.items()})

    def _target(self, value: object) -> object:
        if isinstance(value, list):
            return [self._target(each) for each in value[:100] if not isinstance(each, list)]
        if isinstance(value, dict) and value.keys() == {"@id"}:
            return self.by_id.get(str(value["@id"]), value)
        return value

    @cached_property
    def by_id(self) -> dict[str, Mapping[str, Any]]:
        """The properties of the nodes with an ``@id`` and at least one other property."""
        found = (node.properties for node in self.nodes)
        return {
            str(properties["@id"]): properties for properties in found if "@id" in properties and len(properties) > 1
        }


def _text(value: object) -> str:
    match value:
        case str():
            return value
        case dict():
            return next((text for key in _TEXT_KEYS if isinstance(text := value.get(key), str)), "")
        case bool():
            return ""
        case int() | float():
            return str(value)
        case _:
            return ""


def _plain_name(key: str) -> str:
    """Return ``key`` without the vocabulary's prefix: ``schema:name``, ``http://schema.org/name`` → ``name``."""
    return _VOCABULARY.sub("", key) if ":" in key else key


_DECODER = json.JSONDecoder(
    strict=False,
    parse_constant=lambda _: None,
    object_pairs_hook=lambda pairs: {_plain_name(key): value for key, value in pairs},
)


def _parse(script: str) -> list[Any]:
    values: list[Any] = []
    if max(map(script.count, ",{[")) <= MAX_VALUES:
        values, is_complete = _parse_valid(script)
        if is_complete:
            return values
    if "&quot;@" in script:  # escaped as text of the page
        return _parse(html.unescape(script))
    return read_broken_json(script, _plain_name, MAX_VALUES) or values


def _parse_valid(text: str) -> tuple[list[Any], bool]:
    """Return the JSON values that ``text`` starts with, and whether there is nothing else in it."""
    values: list[Any] = []
    position = _end_of_blanks(text, 0)
    while position < len(text):
        try:
            value, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            return values, False
        values.append(value)
        position = _end_of_blanks(text, position)
    return values, True


def _end_of_blanks(text: str, position: int) -> int:
    blanks = _BETWEEN.match(text, position)
    return blanks.end() if blanks else position
