"""The allow-list: accepted manual triggers, each with its reason (TOML).

[[allow]]
code = "SKY202"
path = "src/routers/dev_*.py"          # a glob, from the project's root
route = "POST /api/v3/dev-tools/*"     # a glob; or function = "trigger_*"
reason = "operators run a tick themselves; authorised separately"
"""

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from scripts.commands.crosswalk.audit.effects import Place
from scripts.commands.crosswalk.audit.rules import RULES, Finding, relative


class AllowListError(ValueError):
    """The allow-list cannot be read; the message says where and why."""


@dataclass(slots=True)
class Entry:
    """One accepted exception."""

    code: str
    path: str
    route: str
    function: str
    reason: str
    line: int
    used: bool = False

    def fits(self, finding: Finding, route: str, root: Path) -> bool:
        """Return whether it allows ``finding`` for ``route``."""
        place = relative(finding.place.path, root)
        return (
            self.code == finding.rule.code
            and (fnmatchcase(place, self.path) or fnmatchcase(place, f"*/{self.path}"))
            and (not self.route or fnmatchcase(route, self.route))
            and (not self.function or any(fnmatchcase(name, self.function) for name in finding.functions))
        )

    @property
    def missing(self) -> list[str]:
        """Return what it must say and does not."""
        wanted = [name for name in ("code", "path", "reason") if not getattr(self, name).strip()]
        if self.code and self.code not in RULES:
            wanted.append(f"a code that exists (not {self.code})")
        return [*wanted, *([] if self.route or self.function else ["route or function"])]


def load(path: Path) -> list[Entry]:
    """Return the entries of a file. Raises :class:`AllowListError`."""
    try:
        source = path.read_text(encoding="utf-8")
        listed = tomllib.loads(source).get("allow", [])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AllowListError(f"{path}: {error}") from None
    lines = [number for number, line in enumerate(source.splitlines(), 1) if line.strip().startswith("[[allow]]")]
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise AllowListError(f"{path}: [[allow]] tables are expected")
    lines += [1] * len(listed)
    return [_entry(one, line) for one, line in zip(listed, lines, strict=False)]


def _entry(given: dict[str, object], line: int) -> Entry:
    code, path, route, function, reason = (
        str(given.get(name, "")) for name in ("code", "path", "route", "function", "reason")
    )
    return Entry(code, path, route, function, reason, line)


def apply(entries: list[Entry], findings: list[Finding], allow_file: Path, root: Path) -> list[Finding]:
    """Return the findings that stay: those not allowed, and those about the list itself."""
    kept = []
    for finding in findings:
        left = []
        for route in finding.routes:
            fitting = [entry for entry in entries if not entry.missing and entry.fits(finding, route.name, root)]
            for entry in fitting:
                entry.used = True
            if not fitting:
                left.append(route)
        if left:
            finding.routes = left
            kept.append(finding)
    for entry in entries:
        place = Place(allow_file, entry.line, 1)
        if entry.missing:
            kept.append(Finding(RULES["SKY401"], place, f"{entry.code or 'entry'}: missing {', '.join(entry.missing)}"))
        elif not entry.used:
            subject = entry.route or entry.function
            kept.append(Finding(RULES["SKY402"], place, f"{entry.code} at {entry.path} for {subject} allows nothing"))
    return kept
