"""``scripts/crosswalk`` writes the tables of BACKGROUND_SERVICES_ARCHITECTURE.md; ``… audit`` audits router code."""

import gc
import signal
import sys

from scripts.commands.crosswalk.audit.command import main as audit


def main(arguments: list[str]) -> int:
    """Run one of the two commands; return its exit code."""
    if arguments[:1] == ["audit"]:
        return audit(arguments[1:])
    from scripts.commands.crosswalk.command import main as crosswalk  # noqa: PLC0415

    return crosswalk(arguments)


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a pager that is closed early ends the output without a traceback
    # An audit keeps all it reads until the end. With collection enabled, parsing took five times as long.
    gc.disable()
    code = main(sys.argv[1:])
    gc.freeze()  # else the collection at exit walks all of it once more
    sys.exit(code)
