"""Makes untrusted text storable: Postgres rejects NUL and lone surrogates, and columns must stay readable."""

import math
import re

MAX_LINE = 2_048
"""Default length limit of one line of text, in characters."""

MAX_JSON_STRING = 4_096
"""Length limit of one string in stored JSON, in characters."""

MAX_JSON_DEPTH = 24
"""Depth limit of stored JSON."""

_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\u200b\u2060\ufeff]")
_BLANKS = re.compile(r"\s+")


def storable(text: str, limit: int = MAX_JSON_STRING) -> str:
    """Return ``text`` without control characters, lone surrogates and zero-width characters, cut to ``limit``."""
    return _UNSTORABLE.sub("", text[: 2 * limit])[:limit]


def tidy(text: str | None, limit: int = MAX_LINE) -> str | None:
    """Return ``text`` on one line, storable and at most ``limit`` characters long; None if nothing remains."""
    return _BLANKS.sub(" ", storable(text, 4 * limit)).strip()[:limit].rstrip() or None if text else None


def storable_json(value: object, depth: int = MAX_JSON_DEPTH) -> object:
    """Return ``value`` (from ``json.loads``) as JSONB accepts it; levels below ``depth`` become None."""
    match value:
        case str():
            return storable(value)
        case float() if not math.isfinite(value):
            return None
        case dict():
            if not depth:
                return None
            return {storable(str(key), 256): storable_json(inner, depth - 1) for key, inner in value.items()}
        case list() | tuple():
            return [storable_json(inner, depth - 1) for inner in value] if depth else None
        case _:
            return value
