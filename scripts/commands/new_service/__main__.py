"""``scripts/new-service NAME --model M --field F --job J [--dry-run]``."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.commands.new_service.change import Change
from scripts.commands.new_service.changes import changes
from scripts.commands.new_service.wish import Refused, Wish, wished

ROOT = Path(__file__).resolve().parents[3]
GENERATORS = ("scripts.commands.settings_table", "scripts.commands.import_contracts", "scripts.commands.crosswalk")
"""What writes the service's name wherever else it must stand, from the registry."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the service; returns 0, 1 when it was refused or a generator failed (2, a wrong command, exits at once)."""
    given = _parser().parse_args(arguments)
    try:
        wish = wished(given.name, given.model, given.field, given.job, given.workflow, given.host)
        made = changes(wish, ROOT)
    except Refused as refused:
        print(f"scripts/new-service: {refused}", file=sys.stderr)
        return 1
    if given.dry_run:
        for change in made:
            print(change.diff(), end="")
        print(f"Then run: {', '.join(GENERATORS)}. Nothing was written.")
        return 0
    for change in made:
        path = ROOT / change.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(change.after, encoding="utf-8")
        print(f"{'wrote' if change.before is None else 'changed'} {change.path}")
    return _tidied(made) or _told(wish)


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="scripts/new-service", description="Writes a background service that lacks only its job's own logic."
    )
    made.add_argument("name", metavar="NAME", help="the service's name, such as contact-finder")
    made.add_argument("--model", required=True, metavar="M", help="the model it works on, such as Domain")
    made.add_argument("--field", required=True, metavar="F", help="the status field it watches; made if it is new")
    made.add_argument("--job", required=True, metavar="J", help="the job's function, such as find_contacts")
    made.add_argument("--workflow", metavar="W", help="the workflow's name (else from the field, else the job's name)")
    made.add_argument("--host", metavar="COLUMN", help="the model's column that names a host many records share")
    made.add_argument("--dry-run", action="store_true", help="print what would be written, as a diff")
    return made


def _tidied(made: Sequence[Change]) -> int:
    files = [str(change.path) for change in made if change.path.suffix == ".py"]
    commands = [
        ("-m", "ruff", "check", "--quiet", "--select", "I", "--fix", *files),
        ("-m", "ruff", "format", "--quiet", *files),
        *(("-m", generator) for generator in GENERATORS),
    ]
    for command in commands:
        if subprocess.run([sys.executable, *command], cwd=ROOT, check=False).returncode != 0:
            print(f"scripts/new-service: run again what failed: python {' '.join(command)}", file=sys.stderr)
            return 1
    return 0


def _told(wish: Wish) -> int:
    job = f"functions/{wish.folder}/{wish.module}.py"
    print(f"{wish.service} is there. Still yours, in this order (docs/how-to/add-a-service.md tells more):")
    print(f"  1. the job's own logic in {job}; until then each record ends in Error, not_written")
    print(f"  2. tests/unit/{wish.folder}, and the half page in docs/BACKGROUND_SERVICES_ARCHITECTURE.md")
    print("  3. what queues its records: a hand-off in the registry, or a curation field in functions/api/resources")
    print("  4. scripts/test")
    return 0


if __name__ == "__main__":
    sys.exit(main())
