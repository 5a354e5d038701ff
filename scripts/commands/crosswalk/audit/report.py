"""Findings for a person, as JSON, and as SARIF 2.1.0 for CI."""

from pathlib import Path
from typing import Any

from scripts.commands.crosswalk.audit.analysis import Analysis
from scripts.commands.crosswalk.audit.effects import StartsWork, StatusWrite
from scripts.commands.crosswalk.audit.rules import RULES, Finding, relative, words

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_text(analysis: Analysis, findings: list[Finding]) -> str:
    """What a person reads."""
    lines = []
    for finding in findings:
        where = f"{relative(finding.place.path, analysis.root)}:{finding.place.line}:{finding.place.column}"
        lines.append(f"{where}: {finding.rule.code} {finding.rule.level}: {finding.rule.title}: {finding.what}")
        for route in finding.routes[:5]:
            lines.append(f"    route  {route}")
        if len(finding.routes) > 5:
            lines.append(f"    route  … and {len(finding.routes) - 5} more")
        if finding.through:
            lines.append(f"    via    {' → '.join(finding.through)}")
        lines += [f"    why    {finding.rule.why}", f"    right  {finding.rule.right}", ""]
    lines += [f"{relative(path, analysis.root)}:{line}: note: {text}" for path, line, text in analysis.notes]
    writes = sum(1 for _, effects in analysis.routes for effect in effects if isinstance(effect, StatusWrite))
    lines.append(f"{len(analysis.routes)} routes, {writes} status writes, {len(findings)} findings.")
    return "\n".join(lines)


def as_json(analysis: Analysis, findings: list[Finding]) -> dict[str, Any]:
    """Everything the audit knows: routes with their writes and starts, findings, notes."""
    root = analysis.root
    return {
        "routes": [
            {
                "methods": list(route.methods),
                "path": route.path,
                "handler": route.handler,
                "file": relative(route.place.path, root),
                "line": route.place.line,
                "writes": sorted(
                    (_write(effect, root) for effect in effects if isinstance(effect, StatusWrite)),
                    key=lambda one: (one["file"], one["line"], one["model"], one["field"], one["text"]),
                ),
                "starts": sorted(
                    (
                        {
                            "kind": effect.kind,
                            "what": effect.what.rsplit("\x00", 1)[-1],
                            "file": relative(effect.place.path, root),
                            "line": effect.place.line,
                            "via": list(effect.through),
                        }
                        for effect in effects
                        if isinstance(effect, StartsWork) and effect.kind != "self_http"
                    ),
                    key=lambda one: (str(one["file"]), str(one["line"]), str(one["what"])),
                ),
            }
            for route, effects in analysis.routes
        ],
        "findings": [_finding(finding, root) for finding in findings],
        "notes": [{"file": relative(path, root), "line": line, "text": text} for path, line, text in analysis.notes],
    }


def _write(effect: StatusWrite, root: Path) -> dict[str, Any]:
    return {
        "model": effect.model,
        "field": effect.field,
        "values": list(effect.values),
        "chosen_by_request": list(effect.chosen),
        "open": effect.open,
        "by": effect.via,
        "in_background": effect.deferred,
        "text": words(effect),
        "file": relative(effect.place.path, root),
        "line": effect.place.line,
        "via": list(effect.through),
    }


def _finding(finding: Finding, root: Path) -> dict[str, Any]:
    return {
        "code": finding.rule.code,
        "level": finding.rule.level,
        "title": finding.rule.title,
        "what": finding.what,
        "file": relative(finding.place.path, root),
        "line": finding.place.line,
        "column": finding.place.column,
        "routes": finding.routes,
        "via": list(finding.through),
        "why": finding.rule.why,
        "right": finding.rule.right,
    }


def as_sarif(analysis: Analysis, findings: list[Finding]) -> dict[str, Any]:
    """SARIF 2.1.0; a finding's fingerprint leaves line numbers out, so that it stays the same when lines move."""
    codes = sorted(RULES)
    driver = {
        "name": "scrapersky-crosswalk-audit",
        "informationUri": "https://scrapersky.com/docs/audit",
        "version": "1.0.0",
        "rules": [
            {
                "id": rule.code,
                "name": "".join(part.capitalize() for part in rule.name.split("-")),
                "shortDescription": {"text": rule.title},
                "fullDescription": {"text": rule.why},
                "help": {"text": rule.right},
                "defaultConfiguration": {"level": rule.level},
            }
            for rule in (RULES[code] for code in codes)
        ],
    }
    results = [_result(finding, analysis.root, codes) for finding in findings]
    notes = [
        {"level": "note", "message": {"text": text}, "locations": [_location(path, line, 1, analysis.root)]}
        for path, line, text in analysis.notes
    ]
    invocation = {"executionSuccessful": True, "toolExecutionNotifications": notes}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation],
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(finding: Finding, root: Path, codes: list[str]) -> dict[str, Any]:
    rule = finding.rule
    by = f" ({'; '.join(finding.routes[:5])})" if finding.routes else ""
    fingerprint = f"{rule.code}:{relative(finding.place.path, root)}:{finding.what}"
    return {
        "ruleId": rule.code,
        "ruleIndex": codes.index(rule.code),
        "level": rule.level,
        "message": {"text": f"{rule.title}: {finding.what}{by}. {rule.right}"},
        "locations": [_location(finding.place.path, finding.place.line, finding.place.column, root)],
        "partialFingerprints": {"scrapersky/v1": fingerprint},
        "properties": {"routes": finding.routes, "via": list(finding.through)},
    }


def _location(path: Path, line: int, column: int, root: Path) -> dict[str, Any]:
    from urllib.parse import quote  # noqa: PLC0415

    name = relative(path, root)
    uri = path.as_uri() if path.is_absolute() and name.startswith("/") else quote(name)
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": uri},
            "region": {"startLine": line, "startColumn": column},
        }
    }
