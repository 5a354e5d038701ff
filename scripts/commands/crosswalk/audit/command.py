"""``scripts/crosswalk audit PATH… [--allow FILE] [--vocabulary FILE] [--sarif FILE] [--json]``.

Exit with 0 when clean, 1 on findings, 2 when the audit cannot run or could not see enough of the code."""

import argparse
import gc
import json
import sys
import traceback
from pathlib import Path

from scripts.commands.crosswalk.audit import allow, baseline, report, vocabulary
from scripts.commands.crosswalk.audit.analysis import Analysis, analyse
from scripts.commands.crosswalk.audit.rules import Finding, find


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
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
    made.add_argument("--baseline", type=Path, metavar="FILE", help="report only findings that are not in this file")
    made.add_argument("--write-baseline", type=Path, metavar="FILE", help="write the findings to a baseline file")
    made.add_argument(
        "--min-coverage", type=int, default=0, metavar="PERCENT", help="exit with 2 when fewer handlers were understood"
    )
    made.add_argument("--tests", action="store_true", help="also read test code")
    return made


def main(arguments: list[str]) -> int:
    """Run one audit; return its exit code."""
    options = parser().parse_args(arguments)
    for path in options.paths:
        if not path.exists():
            print(f"{path} does not exist: name a folder or file of router code", file=sys.stderr)
            return 2
    try:
        analysis, findings = _audit(options)
    except (vocabulary.VocabularyError, allow.AllowListError, baseline.BaselineError) as error:
        print(error, file=sys.stderr)
        return 2
    except Exception:  # Python would exit with 1, which means findings
        traceback.print_exc()
        print("The audit itself failed: see the traceback above.", file=sys.stderr)
        return 2
    if options.sarif:
        text = json.dumps(report.as_sarif(analysis, findings), indent=2)
        options.sarif.write_text(f"{text}\n", encoding="utf-8")
    if options.json:
        print(json.dumps(report.as_json(analysis, findings), indent=2))
    else:
        print(report.as_text(analysis, findings))
    if blind := analysis.coverage.blindness(options.min_coverage):
        print(f"The audit could not see enough: {blind}", file=sys.stderr)
        return 2
    if options.write_baseline:
        return 0
    return 1 if any(finding.level != "note" for finding in findings) else 0


def _audit(options: argparse.Namespace) -> tuple[Analysis, list[Finding]]:
    """Return the analysis, and the findings that neither the allow-list nor the baseline accepts."""
    words = vocabulary.load(options.vocabulary) if options.vocabulary else None
    gc.disable()  # the trees stay until the end: looking for garbage among them takes a third of the time
    try:
        analysis = analyse(options.paths, tests=options.tests, vocabulary=words)
        findings = find(analysis)
    finally:
        gc.enable()
    if options.allow:
        findings = allow.apply(allow.load(options.allow), findings, options.allow.resolve(), analysis.root)
    if options.write_baseline:
        baseline.write(options.write_baseline, findings, analysis.root)
    if options.baseline:
        findings = baseline.new_findings(options.baseline, findings, analysis.root)
    return analysis, findings
