"""The synthesized stack of stage ``local``, cached by a hash of its sources."""

import contextlib
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scrapersky.runtime.registry import SERVICES
from scrapersky.settings import ServiceSettings, Settings
from scripts.commands.run.supervisor import supervised

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / ".local" / "synthesized"
SOURCES = (ROOT, ROOT / "layers" / "common" / "python")
INPUTS = ("infra", "functions", "layers", "cdk.json", "requirements.lock")
KEPT_SECONDS = 86_400
"""Age at which an unused synthesis is deleted."""

REPORT_SECONDS = 15
"""Time between reports that the synthesis still runs."""


class SynthesisError(RuntimeError):
    """The stack could not be synthesized; the message is the output of the CDK."""


@contextmanager
def synthesizing(
    stage: str = "local", cache: Path = CACHE, report: Callable[[str], None] = lambda _: None
) -> Iterator[Callable[[], Path]]:
    """Synthesize the cloud assembly (``cdk.out``) of ``stage`` in the background, or take it from ``cache``.

    Yields a function that waits for it and returns its folder, or raises :class:`SynthesisError`. Settings in the
    environment apply (``DOMAIN_SCHEDULER_BATCH_SIZE=5 scripts/run``). ``report`` is called when there is something to wait
    for. Leaving the block stops an unfinished synthesis.
    """
    wanted = cache / f"{stage}-{fingerprint()}"
    if (wanted / "manifest.json").is_file():
        os.utime(wanted)
        yield lambda: wanted
        return
    report("synthesizing the stack; this can take a minute, and is cached for later runs")
    cache.mkdir(parents=True, exist_ok=True)
    _delete_old(cache)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".making-", ignore_cleanup_errors=True) as making:
        log, assembly = Path(making) / "log", Path(making) / "assembly"
        with (
            log.open("wb") as output,
            supervised(
                [sys.executable, "-m", "infra.app", "--stage", stage, "--out", str(assembly)],
                # A folder for temporary files that is removed when the synthesis is stopped: Node leaves its own behind.
                environment={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, SOURCES)), "TMPDIR": making},
                directory=ROOT,
                output=output,
            ) as process,
        ):

            def finish() -> Path:
                while _still_runs(process):
                    report("still synthesizing the stack")
                if process.returncode != 0:
                    words = log.read_text(errors="replace").strip()[-4_000:]
                    raise SynthesisError(f"synthesizing the stack of stage {stage} failed:\n{words}")
                # Another run may have finished first: its folder stays, this one is discarded.
                with contextlib.suppress(OSError):
                    assembly.rename(wanted)
                return wanted

            yield finish


def _still_runs(process: subprocess.Popen[bytes]) -> bool:
    """Wait for the end of ``process``, at most :data:`REPORT_SECONDS`; return whether it still runs."""
    try:
        process.wait(REPORT_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return False


def fingerprint() -> str:
    """Return a hash of everything that the synthesized stack depends on."""
    digest = hashlib.sha256(f"{sys.version}{platform.machine()}".encode())
    for file in sorted(_inputs()):
        digest.update(f"\0{file.relative_to(ROOT)}\0".encode())
        digest.update(file.read_bytes())
    for name in sorted(_setting_names() & os.environ.keys()):
        digest.update(f"\0{name}={os.environ[name]}".encode())
    return digest.hexdigest()[:24]


def _inputs() -> Iterator[Path]:
    for name in INPUTS:
        path = ROOT / name
        if path.is_dir():
            yield from (file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
        elif path.is_file():
            yield path


def _setting_names() -> frozenset[str]:
    own = {f"{service.env_prefix}_{name}" for service in SERVICES for name in ServiceSettings.model_fields}
    return frozenset(name.upper() for name in {*own, *Settings.model_fields})


def _delete_old(cache: Path) -> None:
    for old in cache.iterdir():
        if old.stat().st_mtime < time.time() - KEPT_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
