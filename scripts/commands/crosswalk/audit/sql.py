"""Raw SQL: which status columns an ``UPDATE`` or ``INSERT`` sets, and to what."""

import re
from dataclasses import dataclass

from scripts.commands.crosswalk.audit.values import HOLE

NAME = rf'(?:[\w{HOLE}]+\.)?["`\[]?([\w{HOLE}]+)["`\]]?'
OR = r"(?:OR\s+\w+\s+|IGNORE\s+)?"
"""What to do about a conflict: SQLite's and MySQL's."""
UPDATE = re.compile(
    rf"\bUPDATE\s+{OR}(?:ONLY\s+)?{NAME}(?:\s+(?:AS\s+)?(?!SET\b)\w+)?\s+SET\s+"
    r"(.*?)(?=\s+WHERE\b|\s+FROM\b|\s+RETURNING\b|;|$)",
    re.IGNORECASE | re.DOTALL,
)
INSERT = re.compile(
    rf"\b(?:INSERT\s+{OR}|REPLACE\s+)INTO\s+{NAME}\s*(?:\(([^)]*)\)\s*)?"
    r"(?:VALUES\s*\((.*?)\)(?=\s*(?:,|ON\b|RETURNING\b|;|$))|\(?\s*SELECT\b(.*)|DEFAULT\s+VALUES\b|SET\s+(.*))",
    re.IGNORECASE | re.DOTALL,
)
CONFLICT = re.compile(
    r"\b(?:DO\s+UPDATE\s+SET|DUPLICATE\s+KEY\s+UPDATE)\s+(.*?)(?=\s+WHERE\b|\s+RETURNING\b|;|$)",
    re.IGNORECASE | re.DOTALL,
)
DELETE = re.compile(rf"\bDELETE\s+FROM\s+{NAME}|\bTRUNCATE\s+(?:TABLE\s+)?{NAME}", re.IGNORECASE)
COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
LITERAL = re.compile(r"^\(*\s*(?:CAST\s*\(\s*)?E?'((?:[^']|'')*)'", re.IGNORECASE)
POSITIONAL = re.compile(r"('(?:[^']|'')*')|%s|\?|\$(\d+)")
"""A quoted text, which holds no parameter, or a parameter by its place: psycopg's, SQLite's, asyncpg's."""
PARAMETER = re.compile(r"^\(*\s*(?:CAST\s*\(\s*)?(?::(\w+)|%\((\w+)\)s|@(\w+))")


@dataclass(frozen=True, slots=True)
class SqlWrite:
    """One column set by SQL: to a literal, from a parameter, or to something not known (both None).

    A parameter without a name is called ``_1``, ``_2`` by its place.
    """

    table: str
    column: str
    literal: str | None = None
    parameter: str | None = None


def is_write(text: str) -> bool:
    """Return whether the SQL changes rows."""
    bare = COMMENT.sub(" ", text)
    if not re.match(r"\s*(WITH|UPDATE|INSERT|REPLACE|DELETE|TRUNCATE|MERGE)\b", bare, re.IGNORECASE):
        return False
    return bool(UPDATE.search(bare) or INSERT.search(bare) or DELETE.search(bare) or re.match(r"\s*MERGE", bare, re.I))


def table_of(text: str) -> str:
    """Return the name of the table that is changed, or an empty text."""
    bare = COMMENT.sub(" ", text)
    for pattern in (UPDATE, INSERT, DELETE):
        if found := pattern.search(bare):
            return next((group for group in found.groups()[:2] if group), "")
    return ""


def writes(text: str) -> list[SqlWrite]:
    """Return the columns that the SQL sets."""
    bare = _named(COMMENT.sub(" ", text))
    found: list[SqlWrite] = []
    for match in UPDATE.finditer(bare):
        if not re.search(r"\bDO\s*$", bare[: match.start()], re.IGNORECASE):
            found += _assignments(match.group(1), match.group(2))
    for match in INSERT.finditer(bare):
        columns = [name.strip(' "`\n\t') for name in (match.group(2) or "").split(",") if name]
        values = _split(match.group(3) or match.group(4) or "")
        for index, column in enumerate(columns):
            found.append(_write(match.group(1), column, values[index] if index < len(values) else ""))
        found += _assignments(match.group(1), match.group(5) or "")
        for conflict in CONFLICT.finditer(bare):
            found += _assignments(match.group(1), conflict.group(1))
    return found


def _named(text: str) -> str:
    """Return the SQL with names for parameters that have none."""
    count = 0

    def name(found: re.Match[str]) -> str:
        nonlocal count
        if found.group(1):
            return found.group(0)
        count += 1
        return f":_{found.group(2) or count}"

    return POSITIONAL.sub(name, text)


def _assignments(table: str, text: str) -> list[SqlWrite]:
    found = []
    for part in _split(text):
        column, equals, value = part.partition("=")
        if equals:
            found.append(_write(table, column.strip().rsplit(".", 1)[-1].strip(' "`'), value))
    return found


def _write(table: str, column: str, value: str) -> SqlWrite:
    value = value.strip()
    if literal := LITERAL.match(value):
        return SqlWrite(table, column, literal=literal.group(1).replace("''", "'"))
    if parameter := PARAMETER.match(value):
        return SqlWrite(table, column, parameter=next(group for group in parameter.groups() if group))
    return SqlWrite(table, column)


def _split(text: str) -> list[str]:
    """At the commas outside of brackets and quotes."""
    parts, depth, quoted, current = [], 0, False, ""
    for letter in text:
        if letter == "'":
            quoted = not quoted
        elif not quoted and letter in "([":
            depth += 1
        elif not quoted and letter in ")]":
            depth -= 1
            if depth < 0:
                break  # the end of a WITH part
        if letter == "," and depth == 0 and not quoted:
            parts.append(current)
            current = ""
        else:
            current += letter
    return [*parts, current]
