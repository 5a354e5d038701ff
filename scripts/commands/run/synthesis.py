"""The synthesized stack of stage ``local``, made once for each state of what it is made from."""

import contextlib
import hashlib
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scrapersky.runtime.registry import SERVICES
from scrapersky.settings import ServiceSettings, Settings
from scripts.commands.run.leash import leashed

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / ".local" / "synthesized"
SOURCES = (ROOT, ROOT / "layers" / "common" / "python")
MADE_FROM = ("infra", "functions", "layers", "cdk.json", "requirements.lock")
KEPT_SECONDS = 86_400
"""Age from which an unused synthesis is thrown away."""


class SynthesisError(RuntimeError):
    """The stack could not be synthesized; the message is what the CDK said."""


@contextmanager
def synthesizing(stage: str = "local", cache: Path = CACHE) -> Iterator[Callable[[], Path]]:
    """Makes the cloud assembly (``cdk.out``) of ``stage`` in the background, or takes it from ``cache``.

    The value waits for it and returns its folder, or raises :class:`SynthesisError`. The operator's settings in the
    environment count (``DOMAIN_SCHEDULER_BATCH_SIZE=5 scripts/run``). Leaving the block stops an unfinished synthesis.
    """
    wanted = cache / f"{stage}-{fingerprint()}"
    if (wanted / "manifest.json").is_file():
        os.utime(wanted)
        yield lambda: wanted
        return
    cache.mkdir(parents=True, exist_ok=True)
    _throw_away_old(cache)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".making-", ignore_cleanup_errors=True) as making:
        said, assembly = Path(making) / "said", Path(making) / "assembly"
        with (
            said.open("wb") as output,
            leashed(
                [sys.executable, "-m", "infra.app", "--stage", stage, "--out", str(assembly)],
                # With a place for temporary files that goes when it is stopped, as Node leaves its own behind.
                environment={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, SOURCES)), "TMPDIR": making},
                directory=ROOT,
                output=output,
            ) as process,
        ):

            def finish() -> Path:
                if process.wait() != 0:
                    words = said.read_text(errors="replace").strip()[-4_000:]
                    raise SynthesisError(f"synthesizing the stack of stage {stage} failed:\n{words}")
                # Another run may have been faster: then its folder stays, and ours goes.
                with contextlib.suppress(OSError):
                    assembly.rename(wanted)
                return wanted

            yield finish


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


def _throw_away_old(cache: Path) -> None:
    for old in cache.iterdir():
        if old.stat().st_mtime < time.time() - KEPT_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
