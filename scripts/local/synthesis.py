"""The synthesized stack of stage ``local``, made once for each state of what it is made from."""

import contextlib
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from scrapersky.service.registry import SERVICES
from scrapersky.service.settings import ServiceSettings, Settings

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".local" / "synthesized"
MADE_FROM = ("infra", "functions", "layers", "cdk.json", "requirements.lock")
KEPT_SECONDS = 86_400
"""Age from which an unused synthesis is thrown away."""


class SynthesisError(RuntimeError):
    """The stack could not be synthesized; the message is what the CDK said."""


def synthesize(stage: str = "local", cache: Path = CACHE) -> Path:
    """The cloud assembly (``cdk.out``) of ``stage``: taken from ``cache``, or made in some seconds and kept there.

    The operator's settings in the environment count (``DOMAIN_SCHEDULER_BATCH_SIZE=5 scripts/run``).
    """
    wanted = cache / f"{stage}-{fingerprint()}"
    if not (wanted / "manifest.json").is_file():
        cache.mkdir(parents=True, exist_ok=True)
        _throw_away_old(cache)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".making-", ignore_cleanup_errors=True) as making:
            assembly = Path(making) / "assembly"
            _run_cdk(stage, assembly)
            # Another run may have been faster: then its folder stays, and ours goes.
            with contextlib.suppress(OSError):
                assembly.rename(wanted)
    os.utime(wanted)
    return wanted


def fingerprint() -> str:
    """A hash of everything that the synthesized stack depends on."""
    digest = hashlib.sha256(f"{sys.version}{platform.machine()}".encode())
    for file in sorted(_inputs()):
        digest.update(f"\0{file.relative_to(ROOT)}\0".encode())
        digest.update(file.read_bytes())
    for name in sorted(_setting_names() & os.environ.keys()):
        digest.update(f"\0{name}={os.environ[name]}".encode())
    return digest.hexdigest()[:24]


def _inputs() -> Iterator[Path]:
    for name in MADE_FROM:
        path = ROOT / name
        if path.is_dir():
            yield from (file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
        elif path.is_file():
            yield path


def _setting_names() -> frozenset[str]:
    own = {f"{service.env_prefix}_{name}" for service in SERVICES for name in ServiceSettings.model_fields}
    return frozenset(name.upper() for name in {*own, *Settings.model_fields})


def _run_cdk(stage: str, out: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "infra.synth", "--stage", stage, "--out", str(out)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "layers" / "common" / "python")))},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        said = (made.stderr.strip() or made.stdout.strip())[-4000:]
        raise SynthesisError(f"synthesizing the stack of stage {stage} failed:\n{said}")


def _throw_away_old(cache: Path) -> None:
    for old in cache.iterdir():
        if old.stat().st_mtime < time.time() - KEPT_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
