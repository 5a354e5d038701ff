"""checkov's own environment, as ``scripts/environment`` makes the project's: pinned, hash-checked, offline once made.

It cannot live in the project's: checkov pins a boto3 of two years ago, which the emulated AWS and the stubs are too new for.
"""

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

from infra.dependencies import ROOT

LOCK = Path(__file__).with_name("requirements.lock")
FOLDER = ROOT / ".local" / "checkov"


class CannotBeMade(RuntimeError):
    """The environment could not be made; the message holds the installer's own words."""


def python() -> Path:
    """The interpreter that has checkov, its environment made first when absent or not of this lock.

    Raises :class:`CannotBeMade`.
    """
    interpreter = FOLDER / "bin" / "python"
    stamp = FOLDER / ".made-from"
    wanted = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with FOLDER.with_suffix(".lock").open("w") as lock:  # two first runs at once must not build into each other
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.is_file() or stamp.read_text() != wanted:
            _uv("venv", "--clear", "--python", sys.executable, str(FOLDER))
            _uv("pip", "sync", "--require-hashes", "--link-mode=copy", "--python", str(interpreter), str(LOCK))
            stamp.write_text(wanted)
    return interpreter


def _uv(*arguments: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "uv", *arguments, "--quiet"], capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise CannotBeMade(f"checkov's environment could not be made from {LOCK}: {ran.stderr.strip()}")
