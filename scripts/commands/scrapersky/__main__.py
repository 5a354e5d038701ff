"""``scrapersky``: asks and steers the background services of a stage, by their manual payloads (docs/manual-triggers.md)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console

from scripts.commands.scrapersky import tables, verbs
from scripts.commands.scrapersky.arguments import parser
from scripts.commands.scrapersky.completion import script
from scripts.commands.scrapersky.remote import Remote
from scripts.commands.scrapersky.trouble import Trouble

Show = Callable[[Console, Mapping[str, Any]], None]
COMMANDS: Mapping[str, tuple[Callable[..., Mapping[str, Any]], Show]] = {
    "status": (verbs.status, tables.show_status),
    "explain": (verbs.explain, tables.show_timeline),
    "run": (verbs.run, tables.show_workflows),
    "process": (verbs.process, tables.show_process),
    "enqueue": (verbs.enqueue, tables.show_moved),
    "requeue": (verbs.requeue, tables.show_moved),
    "cancel": (verbs.take_back, tables.show_moved),
    "abandon": (verbs.take_back, tables.show_moved),
    "pause": (verbs.pause, tables.show_workflows),
    "resume": (verbs.resume, tables.show_workflows),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status: 0 done, 1 refused or not reached (2, a wrong command, exits at once)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["doctor"]:
        return _doctor(words[1:])
    given = parser().parse_args(words)
    if given.command == "completion":
        sys.stdout.write(script(given.shell, parser()))
        return 0
    console = Console()
    try:
        verb, show = COMMANDS[given.command]
        answer = verb(Remote(given.stage, given.endpoint, given.region), given)
    except Trouble as trouble:
        if given.json:
            print(json.dumps({"error": str(trouble)}))
        print(f"scrapersky {given.command}: {trouble}", file=sys.stderr)
        return 1
    if given.json:
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        show(console, answer)
    return 0


def _doctor(words: list[str]) -> int:
    """The doctor by its own code and options; whom to look at is what the other commands would ask."""
    from scripts.commands.scrapersky.doctor.__main__ import main as doctor  # noqa: PLC0415 - no other command needs a schema to compare with

    told = any(word.startswith(("--stage", "--database-url", "-h", "--help")) for word in words)
    if not told and not os.environ.get("DATABASE_URL"):
        words = ["--stage", os.environ.get("SCRAPERSKY_STAGE", "dev"), *words]
    return doctor(words)


if __name__ == "__main__":
    sys.exit(main())
