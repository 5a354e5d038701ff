"""``scripts/agreement``: how far our reading agrees with a corpus of real websites. Exit code 1 below 98 % anywhere."""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.agreement import encodings, pages, sitemaps
from tests.agreement.corpus import DEFAULT, Corpus
from tests.agreement.reasons import reason_for
from tests.agreement.score import Table

WANTED = 0.98


def main(arguments: list[str]) -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="scripts/agreement", description=__doc__)
    parser.add_argument("corpus", nargs="?", type=Path, default=DEFAULT, help="its folder (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    chosen = parser.parse_args(arguments)
    corpus = Corpus(chosen.corpus)
    if not corpus.is_here():
        parser.error(f"there is no corpus of real websites at {chosen.corpus}: truth.jsonl is wanted there")
    tables = [pages.compare(corpus), sitemaps.compare(corpus), encodings.compare(corpus)]
    print(json.dumps(as_json(tables), indent=2, ensure_ascii=False) if chosen.json else "\n\n".join(map(shown, tables)))
    return 0 if all(score.share >= WANTED for table in tables for score in table.scores.values()) else 1


def shown(table: Table) -> str:
    """A table for people, with each difference and its reason."""
    lines = [table.title, "-" * len(table.title)]
    for score in table.scores.values():
        lines.append(f"{score.name:34} {score.right:7,} of {score.total:7,} {score.share:8.1%}")
        for where, what in score.wrong:
            lines.append(f"    {where}: {what[:300]}")
            lines.append(f"      {reason_for(score.name, where) or 'NOT EXPLAINED'}")
    return "\n".join(lines)


def as_json(tables: Iterable[Table]) -> dict[str, Any]:
    """``{table: {row: {"right", "total", "share", "differences": [{"where", "what", "why"}]}}}``."""
    return {
        table.title: {
            score.name: {
                "right": score.right,
                "total": score.total,
                "share": round(score.share, 4),
                "differences": [
                    {"where": where, "what": what, "why": reason_for(score.name, where)} for where, what in score.wrong
                ],
            }
            for score in table.scores.values()
        }
        for table in tables
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
