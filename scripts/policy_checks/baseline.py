"""The committed findings: which policy, on which types of resource, and why it stands."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.policy_checks.findings import Finding

FILE = Path(__file__).with_name("baseline.toml")


@dataclass(frozen=True)
class Accepted:
    """A policy that resources of these ``kinds`` need not meet, and ``why``."""

    kinds: frozenset[str]
    why: str


def read(file: Path = FILE) -> Mapping[str, Accepted]:
    """The baseline by checkov's id. Raises ValueError naming an entry without resources or a reason."""
    accepted = {}
    for check, entry in tomllib.loads(file.read_text()).items():
        if not entry.get("resources") or not entry.get("why"):
            raise ValueError(f"{file.name}: [{check}] needs resources = […] and why = …")
        accepted[check] = Accepted(frozenset(entry["resources"]), entry["why"])
    return accepted


def unexplained(findings: Iterable[Finding], baseline: Mapping[str, Accepted]) -> Iterator[Finding]:
    """The findings that the baseline says nothing about."""
    for finding in findings:
        accepted = baseline.get(finding.check)
        if accepted is None or finding.kind not in accepted.kinds:
            yield finding


def outdated(findings: Iterable[Finding], baseline: Mapping[str, Accepted]) -> Iterator[str]:
    """What the baseline accepts and nobody needs any more, as ``check type``."""
    found = {(finding.check, finding.kind) for finding in findings}
    for check, accepted in baseline.items():
        yield from (f"{check} {kind}" for kind in sorted(accepted.kinds) if (check, kind) not in found)
