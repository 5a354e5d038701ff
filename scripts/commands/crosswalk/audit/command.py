"""``scripts/crosswalk audit PATH… [--allow FILE] [--vocabulary FILE] [--sarif FILE] [--json]``.

Exits with 0 when clean, 1 on findings, 2 when it cannot run.
"""

import argparse
import json
import sys
from pathlib import Path

from scripts.commands.crosswalk.audit import allow, report, vocabulary
from scripts.commands.crosswalk.audit.analysis import analyse
from scripts.commands.crosswalk.audit.rules import find


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = argparse.ArgumentParser(
        prog="scripts/crosswalk audit",
        description="Reads router code (FastAPI, Starlette, Flask, Powertools) without importing it, and reports what routes "
        "do to status fields and background work. Exit code 1 on findings. See docs/reference/audit.md.",
    )
    made.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a folder or file of router code")
    made.add_argument("--allow", type=Path, metavar="FILE", help="accepted manual triggers with reasons (TOML)")
    made.add_argument("--sarif", type=Path, metavar="FILE", help="also write SARIF 2.1.0 here")
    made.add_argument(
        "--vocabulary", type=Path, metavar="FILE", help="what statuses, models and jobs are called (TOML)"
    )
    made.add_argument("--json", action="store_true", help="print routes, writes and findings as JSON")
    made.add_argument("--tests", action="store_true", help="also read test code")
    return made


def main(arguments: list[str]) -> int:
    """Runs one audit."""
    given = parser().parse_args(arguments)
    for path in given.paths:
        if not path.exists():
            print(f"{path} does not exist: name a folder or file of router code", file=sys.stderr)
            return 2
    try:
        told = vocabulary.load(given.vocabulary) if given.vocabulary else None
    except vocabulary.VocabularyError as error:
        print(error, file=sys.stderr)
        return 2
    analysis = analyse(given.paths, tests=given.tests, vocabulary=told)
    findings = find(analysis)
    if given.allow:
        try:
            entries = allow.load(given.allow)
        except allow.AllowListError as error:
            print(error, file=sys.stderr)
            return 2
        findings = allow.apply(entries, findings, given.allow.resolve(), analysis.root)
    if given.sarif:
        given.sarif.write_text(json.dumps(report.as_sarif(analysis, findings), indent=2) + "\n", encoding="utf-8")
    if given.json:
        print(json.dumps(report.as_json(analysis, findings), indent=2))
    else:
        print(report.as_text(analysis, findings))
    return 1 if any(finding.rule.level != "note" for finding in findings) else 0
