"""``scripts/crosswalk [--check | --json]``: writes, checks or prints the crosswalk's tables."""

import argparse
import json
import sys
from pathlib import Path

from scripts.commands.crosswalk.page import PageError, filled
from scripts.commands.crosswalk.rows import crosswalk

PAGE = Path(__file__).resolve().parents[3] / "docs" / "BACKGROUND_SERVICES_ARCHITECTURE.md"


def main(arguments: list[str]) -> int:
    """Runs one of the three."""
    parser = argparse.ArgumentParser(
        prog="scripts/crosswalk",
        description="Writes the tables between markers in docs/BACKGROUND_SERVICES_ARCHITECTURE.md from the registry and the "
        "routers' code. `scripts/crosswalk audit --help` tells about the audit of router code.",
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 when the page is not what the code says"
    )
    parser.add_argument("--json", action="store_true", help="print the crosswalk as JSON")
    given = parser.parse_args(arguments)
    found = crosswalk()
    if given.json:
        print(json.dumps(found, indent=2))
        return 0
    text = PAGE.read_text(encoding="utf-8")
    try:
        wanted = filled(text, found)
    except PageError as error:
        print(f"{PAGE.name}: {error}", file=sys.stderr)
        return 1
    if wanted == text:
        return 0
    if given.check:
        print(f"{PAGE.name} is not what the code says: run scripts/crosswalk and commit the page", file=sys.stderr)
        return 1
    PAGE.write_text(wanted, encoding="utf-8")
    return 0
