"""``scripts/checkov [TEMPLATE …]``: checkov over templates (default: every deployed stage, synthesized now).

Says what the baseline accepts and why, and ends with 1 when something is found that it does not accept.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from infra.app import synth
from infra.config import DEPLOYED, STAGES
from scripts.policy_checks import baseline
from scripts.policy_checks.environment import CannotBeMade, python
from scripts.policy_checks.findings import find


def main() -> int:
    """Prints the accepted findings with their reasons, and the others."""
    parser = argparse.ArgumentParser(prog="scripts/checkov", description=__doc__)
    parser.add_argument("templates", nargs="*", type=Path, metavar="TEMPLATE", help="a synthesized template")
    given = parser.parse_args()
    try:
        interpreter = python()
    except CannotBeMade as trouble:
        sys.exit(str(trouble))
    with tempfile.TemporaryDirectory() as folder:
        findings = find(interpreter, given.templates or synthesized(Path(folder)))
    accepted = baseline.read()
    table = Table("policy", "found", "accepted because", box=None)
    for check, entry in accepted.items():
        found = sum(one.check == check and one.kind in entry.kinds for one in findings)
        table.add_row(check, str(found), entry.why)
    console = Console(highlight=False)
    console.print(table)
    unexplained = list(baseline.unexplained(findings, accepted))
    for one in unexplained:
        console.print(f"{one.check} {one.policy}: {one.resource} in {one.file}", style="red")
    return 1 if unexplained else 0


def synthesized(folder: Path) -> list[Path]:
    """The templates of the deployed stages, with an empty dependency layer, which no policy looks into."""
    layer = folder / "layer"
    layer.mkdir()
    (layer / "empty").touch()
    assembly = synth(DEPLOYED, environment={}, out=folder / "assembly", dependencies=layer)
    return [assembly / f"{STAGES[stage].stack}.template.json" for stage in DEPLOYED]


if __name__ == "__main__":
    sys.exit(main())
