"""JSON-LD as pages really carry it: in comments, broken by hand, several objects in one script."""

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from domain_scheduler.lenient_json import read_leniently

MAX_SCRIPT = 1_000_000
"""Characters of one script that are read."""

MAX_VALUES = 20_000
"""Objects, lists and plain values looked at in one page; of a script with more the rest is not read."""

_BETWEEN = re.compile(r"[\s,;]*")
_VOCABULARY = re.compile(r"(?:schema:|https?://schema\.org/)(?=\w)")
_TEXT_KEYS = ("@value", "name", "url", "@id")


def _plain_name(key: str) -> str:
    """``key`` without the vocabulary's prefix: ``schema:name`` and ``http://schema.org/name`` → ``name``."""
    return _VOCABULARY.sub("", key) if ":" in key else key


_DECODER = json.JSONDecoder(
    strict=False,
    parse_constant=lambda _: None,
    object_pairs_hook=lambda pairs: {_plain_name(key): value for key, value in pairs},
)


def read_json_ld(scripts: Iterable[str]) -> list[Any]:
    """The values of all JSON-LD ``scripts``; what cannot be read of one is left out."""
    return [value for script in scripts for value in _values(script[:MAX_SCRIPT])]


def nodes(values: Iterable[Any], without: Set[str] = frozenset()) -> Iterator[Mapping[str, Any]]:
    """Every object in ``values``, outer ones first, in the order of the page; of at most :data:`MAX_VALUES` values.

    Not those below a key that is among ``without``.
    """
    waiting = list(values)[::-1]
    for _ in range(MAX_VALUES):
        if not waiting:
            return
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend([inner for key, inner in value.items() if key not in without][::-1])
        elif isinstance(value, list):
            waiting.extend(value[::-1])


def by_id(values: Iterable[Any]) -> dict[str, Mapping[str, Any]]:
    """What ``{"@id": …}`` elsewhere stands for: the nodes that have an ``@id`` and say something."""
    return {str(node["@id"]): node for node in nodes(values) if "@id" in node and len(node) > 1}


def types_of(node: Mapping[str, Any]) -> list[str]:
    """The node's types, without the vocabulary's address (``https://schema.org/Hotel``, ``schema:Hotel`` → ``Hotel``)."""
    return [_VOCABULARY.sub("", text).rpartition("/")[2].rpartition("#")[2] for text in texts(node.get("@type"))]


def texts(value: object) -> list[str]:
    """``value`` as strings that are not blank: one, or a list of them; ``{"@value"}``, ``{"name"}``, ``{"@id"}`` too."""
    values = value if isinstance(value, list) else [value]
    return [text for each in values[:1_000] if (text := _text(each).strip())]


def first_text(node: Mapping[str, Any], *names: str) -> str | None:
    """The first string under the first of ``names`` that has one."""
    return next((text for name in names for text in texts(node.get(name))), None)


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


def _values(script: str) -> list[Any]:
    values: list[Any] = []
    if max(map(script.count, ",{[")) <= MAX_VALUES:
        values, whole = _consecutive(script)
        if whole:
            return values
    if "&quot;@" in script:  # escaped as if it were text of the page
        return _values(html.unescape(script))
    return read_leniently(script, _plain_name, MAX_VALUES) or values


def _consecutive(text: str) -> tuple[list[Any], bool]:
    """The JSON values that ``text`` begins with, one behind the other, and whether that is all of it."""
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
