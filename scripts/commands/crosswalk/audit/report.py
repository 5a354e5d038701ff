"""Findings for a person, as JSON, and as SARIF 2.1.0 for CI."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from scrapersky.errors import plural
from scripts.commands.crosswalk.audit.analysis import Analysis
from scripts.commands.crosswalk.audit.coverage import coverage_text
from scripts.commands.crosswalk.audit.effects import StartsWork, StatusWrite
from scripts.commands.crosswalk.audit.rules import RULES, Finding, relative, words

BASE_ID = "SRCROOT"
"""The name in SARIF of the repository's folder, relative to which files are named."""
MAX_RELATED = 50
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_text(analysis: Analysis, findings: list[Finding]) -> str:
    """Return what a person reads."""
    lines = []
    for finding in findings:
        where = f"{relative(finding.place.path, analysis.root)}:{finding.place.line}:{finding.place.column}"
        lines.append(f"{where}: {finding.rule.code} {finding.level}: {finding.title}: {finding.what}")
        for route in finding.routes[:5]:
            handler = f"{relative(route.place.path, analysis.root)}:{route.place.line}"
            lines.append(f"    route  {route.name}  {route.handler} ({handler})")
        if len(finding.routes) > 5:
            lines.append(f"    route  … and {len(finding.routes) - 5} more")
        if finding.through:
            lines.append(f"    via    {' → '.join(finding.through)}")
        lines += [f"    why    {finding.rule.why}", f"    right  {finding.rule.right}", ""]
    lines += [f"{relative(path, analysis.root)}:{line}: note: {text}" for path, line, text in analysis.notes]
    writes = sum(1 for _, effects in analysis.routes for effect in effects if isinstance(effect, StatusWrite))
    counts = {"route": len(analysis.routes), "status write": writes, "finding": len(findings)}
    lines.append(", ".join(plural(number, what) for what, number in counts.items()) + ".")
    lines.append(coverage_text(analysis.coverage))
    return "\n".join(lines)


def as_json(analysis: Analysis, findings: list[Finding]) -> dict[str, Any]:
    """Return everything the audit knows: routes with their writes and starts, findings, notes."""
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
        "findings": [_finding(finding, mark, root) for finding, mark in fingerprints(findings, root).items()],
        "notes": [{"file": relative(path, root), "line": line, "text": text} for path, line, text in analysis.notes],
        "coverage": _coverage(analysis),
    }


def _coverage(analysis: Analysis) -> dict[str, Any]:
    coverage = analysis.coverage
    return {
        "handlers_understood": coverage.handlers,
        "handlers_found": coverage.found,
        "percent": coverage.percent,
        "calls": coverage.calls,
        "calls_unresolved": coverage.unresolved,
        "status_writes": coverage.writes,
        "status_writes_of_unknown_value": coverage.unknown_writes,
        "routes_not_followed_to_the_end": coverage.shortened,
        "functions_followed_by_annotations_only": coverage.simplified,
        "unread": [
            {"file": relative(file.path, analysis.root), "reason": file.reason, "route_decorators": file.routes}
            for file in coverage.unread
        ],
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


def _finding(finding: Finding, fingerprint: str, root: Path) -> dict[str, Any]:
    return {
        "code": finding.rule.code,
        "level": finding.level,
        "title": finding.title,
        "what": finding.what,
        "file": relative(finding.place.path, root),
        "line": finding.place.line,
        "lines": sorted({finding.place.line, *finding.others}),
        "column": finding.place.column,
        "routes": [
            {
                "route": route.name,
                "handler": route.handler,
                "file": relative(route.place.path, root),
                "line": route.place.line,
            }
            for route in finding.routes
        ],
        "via": list(finding.through),
        "fingerprint": fingerprint,
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
    base = repository_of(analysis.root)
    results = [_result(finding, mark, base, codes) for finding, mark in fingerprints(findings, analysis.root).items()]
    notes = [
        {"level": "note", "message": {"text": text}, "locations": [_location(path, line, 1, base)]}
        for path, line, text in analysis.notes
    ]
    invocation = {"executionSuccessful": True, "toolExecutionNotifications": notes}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation],
        "originalUriBaseIds": {BASE_ID: {"uri": base.as_uri().rstrip("/") + "/"}},
        "results": results,
        "properties": {"coverage": _coverage(analysis)},
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(finding: Finding, fingerprint: str, base: Path, codes: list[str]) -> dict[str, Any]:
    rule = finding.rule
    names = [f"{route.name} ({route.handler})" for route in finding.routes]
    by = f" ({'; '.join(names[:5])})" if names else ""
    return {
        "ruleId": rule.code,
        "ruleIndex": codes.index(rule.code),
        "level": finding.level,
        "message": {"text": f"{finding.title}: {finding.what}{by}. {rule.right}"},
        "locations": [_location(finding.place.path, finding.place.line, finding.place.column, base)],
        "relatedLocations": [
            {
                **_location(route.place.path, route.place.line, route.place.column, base),
                "message": {"text": f"handler {route.handler} of {route.name}"},
            }
            for route in finding.routes[:MAX_RELATED]
        ],
        "partialFingerprints": {"scrapersky/v2": fingerprint},
        "properties": {"routes": names, "via": list(finding.through)},
    }


def fingerprints(findings: list[Finding], root: Path) -> dict[Finding, str]:
    """Return a unique text for each finding that stays the same when lines move: code, file, function, what, ordinal."""
    counted: dict[str, int] = {}
    found = {}
    for finding in findings:
        handler = finding.routes[0].handler if finding.routes else ""
        function = finding.through[-1] if finding.through else handler
        text = f"{finding.rule.code}:{relative(finding.place.path, root)}:{function}:{finding.what}"
        counted[text] = counted.get(text, 0) + 1
        found[finding] = text if counted[text] == 1 else f"{text}:{counted[text]}"
    return found


def repository_of(root: Path) -> Path:
    """Return the folder of the repository around ``root``, from which code scanning names files; else ``root``."""
    return next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)


def _location(path: Path, line: int, column: int, base: Path) -> dict[str, Any]:
    name = relative(path, base)
    inside = not name.startswith("/")
    artifact = {"uri": quote(name), "uriBaseId": BASE_ID} if inside else {"uri": path.as_uri()}
    return {"physicalLocation": {"artifactLocation": artifact, "region": {"startLine": line, "startColumn": column}}}
