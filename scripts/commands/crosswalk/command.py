"""``scripts/crosswalk [--check | --json]``: write, check or print the crosswalk's tables."""

import argparse
import json
import sys
from pathlib import Path

from scripts.commands.crosswalk.page import PageError, filled
from scripts.commands.crosswalk.rows import crosswalk

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "BACKGROUND_SERVICES_ARCHITECTURE.md"


def main(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="scripts/crosswalk",
        description="Write the generated tables of BACKGROUND_SERVICES_ARCHITECTURE.md from the registry and the "
        "routers' code. `scripts/crosswalk audit --help` describes the audit of router code.",
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 when the page differs from the code"
    )
    parser.add_argument("--json", action="store_true", help="print the crosswalk as JSON")
    options = parser.parse_args(arguments)
    found = crosswalk()
    if options.json:
        print(json.dumps(found, indent=2))
        return 0
    text = PAGE.read_text(encoding="utf-8")
    try:
        expected = filled(text, found)
    except PageError as error:
        print(f"{PAGE.name}: {error}", file=sys.stderr)
        return 1
    if expected == text:
        return 0
    if options.check:
        print(f"{PAGE.name} differs from the code: run scripts/crosswalk and commit the page", file=sys.stderr)
        return 1
    PAGE.write_text(expected, encoding="utf-8")
    return 0
