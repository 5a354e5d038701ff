"""The environment of the projects we compare with: made on demand in ``.local``, pinned, separate from our own."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[3]
LOCK = Path(__file__).with_name("peers.lock")
FOLDER = ROOT / ".local" / "bench-peers"


class NoPeers(RuntimeError):
    """The environment could not be made; the message ends with the installer's output."""


def python() -> Path:
    """Return the environment's interpreter; makes the environment first where needed. Raises :class:`NoPeers`."""
    interpreter = FOLDER / "bin" / "python"
    expected = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    stamp = FOLDER / ".made-from"
    if stamp.is_file() and stamp.read_text() == expected:
        return interpreter
    print("Making the environment of the peers in .local/bench-peers (once) …", file=sys.stderr, flush=True)
    _run("venv", "--clear", "--python", sys.executable, str(FOLDER))
    _run("pip", "sync", "--require-hashes", "--link-mode=copy", "--python", str(interpreter), str(LOCK))
    stamp.write_text(expected)
    return interpreter


def conninfo(url: str) -> str:
    """Return libpq's form of a SQLAlchemy url."""
    parts = urlsplit(url)
    return f"postgresql://{parts.netloc}{parts.path}?sslmode=disable"


def environment() -> dict[str, str]:
    """Return the environment variables of a contender's process: it finds our code, and nothing of the user's shell."""
    paths = (ROOT, ROOT / "functions", ROOT / "layers" / "common" / "python")
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "PYTHONDONTWRITEBYTECODE": "",
        "HOME": os.environ.get("HOME", "/nonexistent"),
        "LANG": "C.UTF-8",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }


def _run(*arguments: str) -> None:
    command = [sys.executable, "-m", "uv", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode != 0:
        raise NoPeers(f"uv {arguments[0]} failed: {done.stderr.strip()[-800:]}")
