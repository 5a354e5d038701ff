"""Findings: what is wrong, where, why it matters, and what mends it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy.exc import DBAPIError


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is not as it should be.

    ``mend`` is what to run, in this order: statements for psql (``how`` is ``sql``), each outside a transaction block, or
    commands for a shell. Empty when a person must decide; then ``why`` says between what.
    """

    check: str
    what: str
    where: str
    why: str
    mend: tuple[str, ...] = ()
    how: Literal["sql", "shell"] = "sql"

    def as_json(self) -> dict[str, Any]:
        """The same for a program."""
        return {**asdict(self), "mend": list(self.mend)}


@dataclass(frozen=True)
class Unchecked:
    """Something that could not be looked at, and why."""

    what: str
    why: str


def said(error: DBAPIError) -> str:
    """What the database, or the way to it, said, on one line."""
    original = error.orig
    fields = original.args[0] if original is not None and original.args else None
    return str(fields["M"]) if isinstance(fields, dict) and "M" in fields else str(original)
