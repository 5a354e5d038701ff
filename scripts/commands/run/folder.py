"""The run's own folder: of this run only, removed at its end, and at the start of a later run if this one was killed."""

import contextlib
import fcntl
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "scrapersky-local-"
LOCK = "in-use"


@contextmanager
def own_folder(parent: Path | None = None) -> Iterator[Path]:
    """A new folder under ``parent`` (default: the system's place for temporary files), removed when the block ends.

    It holds a locked file for as long as its run lives, by which another run knows what it may sweep away.
    """
    parent = parent or Path(tempfile.gettempdir())
    sweep(parent)
    folder = parent / f"{PREFIX}{secrets.token_hex(6)}"
    try:  # from before it exists: a signal may end the run at any moment
        folder.mkdir(mode=0o700)
        with (folder / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Removes the folders that killed runs left in ``parent``."""
    for folder in parent.glob(f"{PREFIX}*"):
        # Somebody else's folder, or one that is just being made, is left alone.
        with contextlib.suppress(OSError), (folder / LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
