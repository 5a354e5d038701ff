"""Build the dependency layer without Docker. ``python -m infra.dependencies`` prints its folder.

The folder's name contains a hash of all inputs, so an existing folder is never stale and nothing is built twice. The
same lock file gives the same bytes on every machine: whatever the installer records about its own machine is removed.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

from infra import ROOT, bytecode

LOCK = ROOT / "layers" / "dependencies" / "requirements.lock"
BUILT = ROOT / "build" / "layers"

Architecture = Literal["arm64", "x86_64"]
PYTHON = "3.14"
# Lambda's Amazon Linux 2023 has glibc 2.34; the oldest wheel that can-ada publishes is for 2.28.
PLATFORM: dict[Architecture, str] = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
LEFT_OUT = (
    # Machine-dependent: scripts (their first line names the builder's Python), RECORD (hashes them), bytecode.
    *("bin", ".lock", "*.dist-info/RECORD", "**/__pycache__"),
    # For compilers and type checkers only.
    *("**/*.c", "**/*.h", "**/*.pyx", "**/*.pxd", "**/*.pyi", "*-stubs"),
    # boto3's higher-level interface.
    *("boto3/data", "boto3/examples"),
    # Never imported: an alias of attr, the libraries' own test suites.
    *("attrs", "alembic/testing", "sqlalchemy/testing"),
    # Never imported: SQLAlchemy's other databases.
    *(f"sqlalchemy/dialects/{name}" for name in ("mssql", "mysql", "oracle", "sqlite")),
    # Never imported: what dnspython has for name servers and for DNS over QUIC.
    *("dns/dnssec*", "dns/zone*", "dns/btree*", "dns/quic/_[!_]*"),
)
"""Glob patterns, relative to the layer's ``python/``, of files that are removed after the installation."""
AWS_SERVICES = frozenset({"lambda", "s3", "secretsmanager", "sqs", "sts"})
"""The services whose data botocore keeps in the layer: the data of all services are 25 MB."""


class LayerError(RuntimeError):
    """The dependency layer could not be built; the message contains the installer's output."""


def build(architecture: Architecture = "arm64", folder: Path = BUILT) -> Path:
    """Return the dependency layer for ``architecture``: a folder that contains ``python/``. Builds it if it is missing.

    The layer has bytecode if the compiler is available. Raises :class:`LayerError` when a pinned wheel cannot be installed.
    """
    compiler = bytecode.find_compiler()
    if not compiler:
        print("Building the layer without bytecode, which costs a second at each cold start.", file=sys.stderr)
    compiled = bytecode.compiler_identity() if compiler else "no bytecode"
    inputs = "\n".join((PYTHON, PLATFORM[architecture], *LEFT_OUT, *sorted(AWS_SERVICES), compiled, LOCK.read_text()))
    layer = folder / f"{architecture}-{hashlib.sha256(inputs.encode()).hexdigest()[:16]}"
    if layer.is_dir():
        return layer
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".building-") as temporary:
        target = Path(temporary, "layer")
        install(target / "python", PLATFORM[architecture])
        if compiler:
            bytecode.compile_layer(target, compiler, PYTHON)
        if not layer.is_dir():  # a concurrent synth may have finished first, with the same bytes
            target.rename(layer)
    return layer


def install(target: Path, platform: str, python: str = PYTHON) -> None:
    """Install the locked wheels for ``platform`` and ``python`` into ``target``, and remove what is not needed.

    Raises :class:`LayerError`.
    """
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
    for path in (target / "botocore" / "data").iterdir():
        if path.is_dir() and path.name not in AWS_SERVICES:
            shutil.rmtree(path)


if __name__ == "__main__":
    print(build())
