"""What to do about known error codes: the table of the runbook (docs/runbook.md, "Error codes")."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("codes.tsv")


@cache
def advice() -> Callable[[str], str]:
    """Return a function that returns the advice for a code, empty for a code that the table does not have."""
    known = dict(line.split("\t") for line in FILE.read_text().splitlines())

    def of(code: str) -> str:
        return known.get(code) or known.get(f"{code[:6]}xx", "")  # http_404, else http_4xx

    return of
