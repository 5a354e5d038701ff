"""Parser for broken JSON, as typed by people or left behind by templates.

Accepts comments, stray or missing commas, single and curly quotes, quotes inside strings, invalid escapes, names
without quotes and a missing end. Commas and colons are skipped, as the tokens around them already imply the structure.
"""

import json
import re
from collections.abc import Callable
from typing import Any

MAX_DEPTH = 100
"""Nesting of objects and lists; a deeper document is not read at all."""

_START = re.compile(r"<!\[CDATA\[|[\[{]")
_END_OF_STRING = r"(?=\s{0,100}(?:[,:;}\]]|\Z|//|/\*)|\s{0,100}\n\s{0,100}[\"'{\[])"
_TOKEN = re.compile(
    r"(?P<skipped>[\s\ufeff,:;]+|//[^\n]*|/\*.*?(?:\*/|\Z))|(?P<open>[\[{])|(?P<close>[}\]])|(?P<quote>[\"“„”'])"
    r"|(?P<bare>[^\s{}\[\]:,;\"'“”„]+)",
    re.DOTALL,
)
_DOUBLE = re.compile(rf"\\(?:.|\Z)|[\"“”]{_END_OF_STRING}", re.DOTALL)
_SINGLE = re.compile(rf"\\(?:.|\Z)|'{_END_OF_STRING}", re.DOTALL)
_INSIDE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.|\Z)|\"", re.DOTALL)
_ESCAPES = frozenset('"\\/bfnrtu')


def read_broken_json(text: str, name: Callable[[str], str], limit: int) -> list[Any]:
    """Return the objects and lists in ``text`` that are not empty. Linear time.

    ``name`` maps each key. Stops after ``limit`` values. A string that is cut by the end of the text is left out with
    its key.
    """
    found: list[Any] = []
    position = 0
    while limit > 0 and (start := _START.search(text, position)):
        position = start.end()
        if len(start[0]) == 1:
            document = _Document(name, limit)
            position = document.read(text, start.start())
            limit = document.limit
            if document.root:
                found.append(document.root)
    return found


class _Document:
    """Parser state of one object or list."""

    def __init__(self, name: Callable[[str], str], limit: int) -> None:
        self.root: Any = None
        self.limit = limit
        self._name = name
        self._open: list[Any] = []
        self._key: str | None = None

    def read(self, text: str, position: int) -> int:
        """Parse the document that starts at ``position``; return the index behind its end."""
        while token := _TOKEN.match(text, position):
            position = token.end()
            match token.lastgroup:
                case "open":
                    self._begin({} if token["open"] == "{" else [])
                case "close":
                    self._end(dict if token["close"] == "}" else list)
                case "quote":
                    end = _end_of_string(text, position, _SINGLE if token["quote"] == "'" else _DOUBLE)
                    if end < len(text):
                        self._take(_unescaped(text[position:end]), text[position:end])
                    position = end + 1
                case "bare":
                    self._take(_constant(token["bare"]), token["bare"])
            if not self._open or self.limit <= 0:
                break
            if len(self._open) > MAX_DEPTH:
                self.root = None
                return len(text)
        return position

    def _begin(self, container: Any) -> None:
        if self._open:
            self._add(container)
        else:
            self.root = container
        self._open.append(container)

    def _end(self, kind: type) -> None:
        """Close containers up to the innermost of ``kind``; a bracket without a partner is ignored."""
        fitting = [depth for depth, container in enumerate(self._open) if isinstance(container, kind)]
        if fitting:
            del self._open[fitting[-1] :]
        self._key = None

    def _take(self, value: Any, text: str) -> None:
        if isinstance(self._open[-1], dict) and self._key is None:
            self._key = self._name(value if isinstance(value, str) else text)
        else:
            self._add(value)

    def _add(self, value: Any) -> None:
        self.limit -= 1
        container = self._open[-1]
        if isinstance(container, list):
            container.append(value)
        elif self._key is not None:
            container[self._key] = value
        self._key = None


def _end_of_string(text: str, position: int, stop: re.Pattern[str]) -> int:
    """Return the index of the quote that ends the string with its first character at ``position``, else the text's end."""
    while found := stop.search(text, position):
        if found[0][0] != "\\":
            return found.start()
        position = found.end()
    return len(text)


def _unescaped(text: str) -> str:
    """Return the value of a JSON string; a backslash that starts no valid escape is dropped."""
    return str(json.loads(f'"{_INSIDE.sub(_escaped, text)}"', strict=False))


def _escaped(found: re.Match[str]) -> str:
    inside = found[0]
    if inside == '"':
        return '\\"'
    return inside if inside[1:2] in _ESCAPES and inside != "\\u" else inside[1:]


def _constant(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except ValueError:
        return text
