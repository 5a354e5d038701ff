"""Compare what is read from a corpus of real websites with the truth about them, by field, format and encoding.

Prints one table each for home pages, contact pages, sitemap files and encodings, and the contacts that contact pages
add. Exit code 1 if any row agrees in less than 98 %.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.agreement import contact_pages, pages, sitemaps
from tests.agreement.corpus import DEFAULT, Corpus
from tests.agreement.score import EXPLANATIONS, Table

REQUIRED_SHARE = 0.98


def main(arguments: list[str]) -> int:
    """Print the tables; return the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/agreement", description=__doc__)
    parser.add_argument(
        "corpus", nargs="?", type=Path, default=DEFAULT, help="folder of the corpus (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = parser.parse_args(arguments)
    corpus = Corpus(options.corpus)
    if not corpus.exists():
        parser.error(f"no corpus at {options.corpus}: the folder must contain truth.jsonl")
    tables = [
        pages.compare(corpus),
        contact_pages.compare(corpus),
        sitemaps.compare(corpus),
        pages.compare_encodings(corpus),
    ]
    if options.json:
        print(json.dumps(as_json(tables), indent=2, ensure_ascii=False))
    else:
        print("\n\n".join([*map(as_text, tables), contact_pages.gains_as_text(contact_pages.gains(corpus))]))
    return 0 if all(score.share >= REQUIRED_SHARE for table in tables for score in table.scores.values()) else 1


def as_text(table: Table) -> str:
    """Return a table as text, with each difference and its explanation."""
    lines = [table.title, "-" * len(table.title)]
    for score in table.scores.values():
        lines.append(f"{score.name:38} {score.agreed:7,} of {score.total:7,} {score.share:8.1%}")
        for where, what in score.differences:
            lines.append(f"    {where}: {what[:300]}")
            lines.append(f"      {EXPLANATIONS.get((score.name, where), 'no explanation')}")
    return "\n".join(lines)


def as_json(tables: Iterable[Table]) -> dict[str, Any]:
    """Return ``{table: {row: {"agreed", "total", "share", "differences": [{"where", "what", "explanation"}]}}}``."""
    return {
        table.title: {
            score.name: {
                "agreed": score.agreed,
                "total": score.total,
                "share": round(score.share, 4),
                "differences": [
                    {"where": where, "what": what, "explanation": EXPLANATIONS.get((score.name, where))}
                    for where, what in score.differences
                ],
            }
            for score in table.scores.values()
        }
        for table in tables
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
