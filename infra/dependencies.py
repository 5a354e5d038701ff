"""Builds the dependency layer without Docker: ``python -m infra.dependencies`` prints where it lies.

The folder is named by what it is made from, so an existing one is never stale and never built twice. The same lock
gives the same bytes on every machine: what the installer writes about its own machine is taken out again.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

from infra import bytecode, root

ROOT = root.ROOT
LOCK = ROOT / "layers" / "dependencies" / "requirements.lock"
BUILT = ROOT / "build" / "layers"

Architecture = Literal["arm64", "x86_64"]
PYTHON = "3.14"
# Lambda's Amazon Linux 2023 has glibc 2.34; can-ada publishes no older wheel than 2.28.
PLATFORM: dict[Architecture, str] = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
LEFT_OUT = (
    # Scripts (their first line names the builder's Python, and RECORD their hash), the builder's bytecode.
    *("bin", ".lock", "*.dist-info/RECORD", "**/__pycache__"),
    # What is for compilers and type checkers.
    *("**/*.c", "**/*.h", "**/*.pyx", "**/*.pxd", "**/*.pyi", "*-stubs"),
    # What nobody imports: look-ups of mail servers, another name of attr, the libraries' own test suites.
    *("dns", "dnspython-*.dist-info", "attrs", "alembic/testing", "sqlalchemy/testing"),
)


class LayerError(RuntimeError):
    """The dependency layer could not be built; the message holds the installer's own words."""


def build(architecture: Architecture = "arm64", folder: Path = BUILT) -> Path:
    """The dependency layer for ``architecture``: a folder with ``python/`` in it, installed from the lock when absent.

    It carries bytecode where the compiler can be had. Raises :class:`LayerError` when a pinned wheel cannot be had.
    """
    compiler = bytecode.compiler()
    if not compiler:
        print("The layer is built without bytecode, which costs a second at each cold start.", file=sys.stderr)
    compiled = bytecode.identity() if compiler else "no bytecode"
    made_from = "\n".join((PYTHON, PLATFORM[architecture], *LEFT_OUT, compiled, LOCK.read_text()))
    layer = folder / f"{architecture}-{hashlib.sha256(made_from.encode()).hexdigest()[:16]}"
    if layer.is_dir():
        return layer
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".building-") as temporary:
        target = Path(temporary, "layer")
        install(target / "python", PLATFORM[architecture])
        if compiler:
            bytecode.compile_layer(target, compiler, PYTHON)
        if not layer.is_dir():  # another synth may have been faster, with the same bytes
            target.rename(layer)
    return layer


def install(target: Path, platform: str, python: str = PYTHON) -> None:
    """Installs the locked wheels for ``platform`` and ``python`` into ``target``, and takes out what Lambda does not need."""
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-config", "--link-mode=copy"]
    command += ["--target", str(target), "--python-platform", platform, "--python-version", python]
    command += ["--only-binary", ":all:", "--no-installer-metadata", "--require-hashes", "--requirements", str(LOCK)]
    installed = subprocess.run(command, capture_output=True, text=True, check=False)
    if installed.returncode:
        raise LayerError(
            f"the dependency layer for {platform} could not be built from {LOCK}: {installed.stderr.strip()}"
        )
    for pattern in LEFT_OUT:
        for path in sorted(target.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


if __name__ == "__main__":
    print(build())
