"""The process of ``scripts/scrapersky``."""

import _signal  # type: ignore[import-not-found]  # not signal: its import alone leaves time for a Ctrl-C
import sys

# Before the other imports, which take a second: Ctrl-C, and a closed pipe, end the process without a traceback at any
# moment. There is nothing to clean up: every invocation is safe to repeat, and Postgres rolls back what was open.
for one in (_signal.SIGINT, _signal.SIGPIPE):
    _signal.signal(one, _signal.SIG_DFL)
_signal.pthread_sigmask(_signal.SIG_UNBLOCK, [_signal.SIGINT])  # scripts/scrapersky blocks it while Python starts

from scripts.commands.scrapersky.app import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
