"""``scripts/crosswalk``: the tables of docs/BACKGROUND_SERVICES_ARCHITECTURE.md; ``scripts/crosswalk audit``: router code."""

import gc
import sys

from scripts.commands.crosswalk.audit.command import main as audit


def main(arguments: list[str]) -> int:
    """Dispatches."""
    if arguments[:1] == ["audit"]:
        return audit(arguments[1:])
    from scripts.commands.crosswalk.command import main as crosswalk  # noqa: PLC0415

    return crosswalk(arguments)


if __name__ == "__main__":
    # What an audit reads it keeps to the end. Walking all of it again and again for cycles took four fifths of the parsing.
    gc.disable()
    code = main(sys.argv[1:])
    gc.freeze()  # else all of it is walked once more on the way out
    sys.exit(code)
