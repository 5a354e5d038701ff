"""The doctor's report, as a person reads it and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from scripts.commands.scrapersky.doctor.finding import Finding, Unchecked

WIDTH = 118


def as_text(findings: Sequence[Finding], unchecked: Sequence[Unchecked], looked_at: str) -> str:
    """Numbered findings, then what could not be looked at, then the sum."""
    lines: list[str] = []
    for number, finding in enumerate(findings, 1):
        lines += [f"{number}. {finding.check}: {finding.what}"]
        lines += [f"   where  {finding.where}", *_wrapped("   why    ", finding.why)]
        label = "   psql   " if finding.how == "sql" else "   run    "
        for command in finding.mend:
            first, *more = command.splitlines()
            lines += [label + first, *more]
        if not finding.mend:
            lines.append("   mend   a person must decide")
        lines.append("")
    lines += [f"Not looked at: {one.what}: {one.why}" for one in unchecked]
    number = len(findings)
    nothing = "Nothing found, but not everything could be looked at" if unchecked else "Nothing to mend"
    summed = nothing if not number else "1 finding" if number == 1 else f"{number} findings"
    lines.append(f"{summed}: {looked_at}.")
    return "\n".join(lines)


def as_json(findings: Sequence[Finding], unchecked: Sequence[Unchecked], looked_at: str) -> dict[str, Any]:
    """The same for a program."""
    return {
        "looked_at": looked_at,
        "findings": [finding.as_json() for finding in findings],
        "unchecked": [{"what": one.what, "why": one.why} for one in unchecked],
    }


def _wrapped(label: str, words: str) -> list[str]:
    return textwrap.wrap(words, WIDTH, initial_indent=label, subsequent_indent=" " * len(label))
