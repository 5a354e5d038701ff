"""The command ``scripts/run``: the whole system on this machine, with shipped sites, your own folder, or real domains.

Warning: what this module imports at its top delays ``--help`` and runs before Ctrl-C is handled; the system's own modules
are imported once the arguments are known to be valid.
"""

import argparse
import math
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

LEADS = Path(__file__).resolve().parents[3] / ".local" / "leads.csv"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
RETRY_SECONDS = 0.05

EPILOG = """\
--sites DIR needs a file DIR/sites.jsonl with one JSON object per site,
  {"domain": "shop.example", "dir": "shop"}
and the site's files in DIR/sites/shop. "base_path" and "pages" are optional;
docs/how-to/run-your-own-sites.md describes them.

DATABASE_URL=postgresql://USER:PASSWORD@HOST:PORT/NAME uses that server, with a
new database that is dropped at the end.

Exit status: 0 every record ended, as Completed or Error; 1 some records did not
end within --timeout; 2 wrong arguments, or the system could not be started;
130 stopped by Ctrl-C (128 + the signal's number).
"""


class Stopped(BaseException):
    """A signal asked the run to stop; everything is taken down on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status, as described in its help."""
    stopping = _handle_signals()
    chosen = parser().parse_args(arguments)
    for option, file in (("report", chosen.report), ("leads", chosen.leads)):
        if file not in (None, LEADS) and not file.parent.is_dir():
            parser().error(f"--{option} {file}: the folder {file.parent} does not exist")

    from scripts.commands.run.run import execute  # noqa: PLC0415  seconds of imports that --help need not wait for

    try:
        stopping.can_raise = True
        return execute(chosen, os.environ.get("DATABASE_URL"))
    except Stopped as stopped:
        print("Stopped; nothing is left running.", flush=True)
        return 128 + stopped.number
    finally:
        stopping.can_raise = False


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="scripts/run",
        description="Run the whole system on this machine: a real Postgres, an emulated AWS, and websites.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = made.add_mutually_exclusive_group()
    source.add_argument("--sites", type=Path, metavar="DIR", help="serve and crawl the sites in a folder of yours")
    source.add_argument("--domain", nargs="+", metavar="NAME", help="crawl real domains on the internet instead")
    source.add_argument(
        "--search", metavar="TEXT", help='search the map of the made-up town, such as "bakeries in Riverside"'
    )
    made.add_argument("--report", type=Path, metavar="FILE", help="write what was found as JSON")
    made.add_argument(
        "--leads", type=Path, default=LEADS, metavar="FILE", help="write the contacts as CSV (default .local/leads.csv)"
    )
    made.add_argument("--keep", action="store_true", help="leave it running, on the real schedule, until Ctrl-C")
    made.add_argument("--open", action="store_true", help="the same, and open the console in the browser")
    made.add_argument(
        "--timeout", type=_positive, default=900, metavar="SECONDS", help="time that the work may take (default 900)"
    )
    made.add_argument(
        "--tick-seconds", type=_positive, default=0.5, metavar="SECONDS", help="time between ticks (default 0.5)"
    )
    return made


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not valid: write a number of seconds greater than 0")
    return number


class _Stopping:
    """The handler of the signals: exits at once before anything was started, and raises :class:`Stopped` afterwards."""

    def __init__(self) -> None:
        self.can_raise = False
        self.stopping = False

    def handle(self, number: int, _: FrameType | None = None) -> None:
        if not self.can_raise:
            os.write(2, b"\nStopped; nothing was started.\n")
            os._exit(128 + number)
        if not self.stopping:  # taking down takes a second or two, and must not be cut short
            self.stopping = True
            os.write(2, b"\nStopping ...\n")
            raise Stopped(number)

    def retry(self, lost: "sys.UnraisableHookArgs") -> None:
        """Repeat a signal whose exception Python discarded, because it was raised in a destructor or a callback."""
        if isinstance(lost.exc_value, Stopped):
            self.stopping = False
            timer = threading.Timer(RETRY_SECONDS, os.kill, (os.getpid(), lost.exc_value.number))
            timer.daemon = True
            timer.start()
        else:
            sys.__unraisablehook__(lost)


def _handle_signals() -> _Stopping:
    stopping = _Stopping()
    sys.unraisablehook = stopping.retry
    for number in SIGNALS:
        signal.signal(number, stopping.handle)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # scripts/run blocks SIGINT while Python starts
    return stopping


if __name__ == "__main__":
    sys.exit(main())
