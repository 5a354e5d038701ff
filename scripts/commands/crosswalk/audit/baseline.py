"""The baseline: fingerprints of known findings, so that only new findings fail."""

import json
from pathlib import Path

from scripts.commands.crosswalk.audit.report import fingerprints
from scripts.commands.crosswalk.audit.rules import Finding


class BaselineError(ValueError):
    """The baseline cannot be read; the message names the file and the error."""


def write(path: Path, findings: list[Finding], root: Path) -> None:
    """Write the fingerprints of ``findings``, one a line, sorted."""
    marks = sorted(fingerprints(findings, root).values())
    path.write_text(json.dumps({"findings": marks}, indent=2) + "\n", encoding="utf-8")


def new_findings(path: Path, findings: list[Finding], root: Path) -> list[Finding]:
    """Return the findings that the baseline does not contain. Raise :class:`BaselineError` when it cannot be read."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))["findings"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaselineError(f"{path}: not a baseline of --write-baseline: {error!r}") from None
    return [finding for finding, mark in fingerprints(findings, root).items() if mark not in known]
