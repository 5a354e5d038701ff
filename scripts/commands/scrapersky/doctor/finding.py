"""Findings: what is wrong, where, why it matters, and what repairs it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy.exc import DBAPIError

from scrapersky.errors import plural

WIDTH = 100


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is not as it should be.

    ``repair`` has the statements for psql (``how`` is ``sql``), each outside a transaction block, or the shell commands, in
    the order in which to run them. It is empty where a person must decide.
    """

    check: str
    what: str
    where: str
    why: str
    repair: tuple[str, ...] = ()
    how: Literal["sql", "shell"] = "sql"


@dataclass(frozen=True)
class Unchecked:
    """Something that could not be checked, and why."""

    what: str
    why: str


def message_of(error: DBAPIError) -> str:
    """Return the message of the database, or of the connection, on one line."""
    original = error.orig
    fields = original.args[0] if original is not None and original.args else None
    return str(fields["M"]) if isinstance(fields, dict) and "M" in fields else str(original)


def as_text(findings: Sequence[Finding], unchecked: Sequence[Unchecked], checked: str) -> Iterator[str]:
    """Yield the lines of the report: numbered findings, then what could not be checked, then the total."""
    for number, finding in enumerate(findings, 1):
        yield f"{number}. {finding.check}: {finding.what}"
        yield f"   where   {finding.where}"
        yield from textwrap.wrap(
            finding.why, WIDTH, initial_indent="   why     ", subsequent_indent=" " * 11, break_long_words=False
        )
        label = "   psql    " if finding.how == "sql" else "   shell   "
        for command in finding.repair or ("a person must decide",):
            first, *more = command.splitlines()
            yield from ((label if finding.repair else "   repair  ") + first, *more)
        yield ""
    yield from (f"Not checked: {one.what}: {one.why}" for one in unchecked)
    nothing = "No findings, but not everything could be checked" if unchecked else "No findings"
    yield f"{plural(len(findings), 'finding') if findings else nothing}: {checked}."


def as_json(findings: Sequence[Finding], unchecked: Sequence[Unchecked], checked: str) -> dict[str, Any]:
    """Return the report for a program."""
    return {
        "checked": checked,
        "findings": [asdict(one) for one in findings],
        "unchecked": [asdict(one) for one in unchecked],
    }
