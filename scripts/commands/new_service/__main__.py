"""The command ``scripts/new-service``."""

import argparse
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.commands.new_service.edits import Edit, edits, resource_of
from scripts.commands.new_service.options import Options, Rejected, parse

ROOT = Path(__file__).resolve().parents[3]
GENERATORS = ("scripts.commands.settings_table", "scripts.commands.import_contracts", "scripts.commands.crosswalk")
"""What writes the service's name into other files, from the registry."""
HELP = {
    "--model": ("M", "the model whose records it works on, such as Domain"),
    "--field": ("F", "the status field that it watches, such as contact_status; created if it is new"),
    "--job": ("J", "the function that works on one record, such as find_contacts"),
    "--workflow": ("W", "the workflow's name (default: from the field, or else the job's name)"),
    "--key": ("COLUMN", "the column that names a record for people (default: the last of the table's natural key)"),
    "--host": ("COLUMN", "the column of the website's host, such as domain_id, if many records share one"),
}
REQUIRED = ("--model", "--field", "--job")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the service; return 0, or 1 when the options were rejected or a generator failed (wrong usage exits with 2)."""
    chosen = _parser().parse_args(arguments)
    try:
        options = parse(
            chosen.name, chosen.model, chosen.field, chosen.job, chosen.workflow, chosen.host, chosen.column, chosen.web,
            places=chosen.places, key=chosen.key,
        )  # fmt: skip
        made = edits(options, ROOT)
    except Rejected as rejected:
        print(f"scripts/new-service: {rejected}", file=sys.stderr)
        return 1
    print(_summary(options, made))
    if chosen.dry_run:
        print("\n" + "".join(edit.diff() for edit in made) + "Nothing was written.")
        return 0
    for edit in made:
        (ROOT / edit.path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / edit.path).write_text(edit.after, encoding="utf-8")
    return _tidy(made) or _print_next_steps(options)


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="scripts/new-service",
        description="Write a background service that lacks only its job's own logic.",
        epilog="docs/how-to/add-a-service.md leads through every step, and says how to undo it.",
    )
    made.add_argument("name", metavar="NAME", help="the service's name, such as contact-finder")
    for option, (metavar, text) in HELP.items():
        made.add_argument(option, required=option in REQUIRED, metavar=metavar, help=text)
    made.add_argument(
        "--column", action="append", default=[], metavar="NAME:TYPE", help="a column for the result, such as title:text"
    )
    made.add_argument("--no-web", dest="web", action="store_false", help="the job reads no website")
    made.add_argument("--places", action="store_true", help="the job makes paid calls of the Google Places API")
    made.add_argument("--dry-run", action="store_true", help="print the files and the diff, and write nothing")
    return made


def _summary(options: Options, made: Sequence[Edit]) -> str:
    new = sum(edit.before is None for edit in made)
    lines = [f"  {'new    ' if edit.before is None else 'changed'} {edit.path}" for edit in made]
    lines.append("  changed what the registry generates: settings.md, pyproject.toml, the crosswalk's tables")
    if not (ROOT / resource_of(options)).exists():
        lines.append(f"  The API does not show {options.table.name}: there is no {resource_of(options)} to change.")
    return "\n".join([f"{options.service}: {new} new files, {len(made) - new} changed", *lines])


def _tidy(made: Sequence[Edit]) -> int:
    """Format the Python files and run the generators; return 1 when one fails."""
    files = [str(edit.path) for edit in made if edit.path.suffix == ".py"]
    commands = [
        ("-m", "ruff", "check", "--quiet", "--select", "I", "--fix", *files),
        ("-m", "ruff", "format", "--quiet", *files),
        *(("-m", generator) for generator in GENERATORS),
    ]
    for command in commands:
        if subprocess.run([sys.executable, *command], cwd=ROOT, check=False).returncode != 0:
            print(f"scripts/new-service: this failed; run it again: python {' '.join(command)}", file=sys.stderr)
            return 1
    return 0


def _print_next_steps(options: Options) -> int:
    resource = resource_of(options)
    people = f", or a curation field of {resource}" if (ROOT / resource).exists() else ""
    print(f"""
{options.service} is written. Next (docs/how-to/add-a-service.md has the details):
  1. write the job in functions/{options.folder}/{options.module}.py; until then each record ends in Error, not_written
  2. write its tests in tests/unit/{options.folder}; tests/jobs.py runs a job against a small internet
  3. queue its records: a hand-off in the registry{people}
  4. write its section in docs/reference/BACKGROUND_SERVICES_ARCHITECTURE.md, and run scripts/test""")
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a pager that is closed early ends the output without a traceback
    sys.exit(main())
