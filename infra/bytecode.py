"""Compile the dependency layer to bytecode for Lambda's Python version, which need not be installed here.

Without bytecode, Lambda compiles every module at every cold start: ``/opt`` is read-only, and the zip archive loses the
modification times that ordinary bytecode is validated against. The bytecode written here is *unchecked* (PEP 552), so
that Python loads it without looking at the source.

The compiler is Pyodide, which is CPython compiled to WebAssembly and installed from npm. Bytecode depends on the version
of Python and not on the machine, so it is valid on Lambda's processors.
"""

import subprocess
from pathlib import Path

from infra.node import NotInstalled, ensure_installed, find_node, pinned_version

COMPILER = "pyodide"
PROGRAM = Path(__file__).with_suffix(".mjs")


class BytecodeError(RuntimeError):
    """The layer could not be compiled; the message contains the compiler's output."""


def find_compiler() -> Path | None:
    """Return the folder of the compiler, after installing it if necessary; None if it cannot be installed."""
    try:
        return ensure_installed(COMPILER)
    except NotInstalled:
        return None


def compiler_identity() -> str:
    """Return a text that changes whenever the same sources could compile to different bytecode."""
    return f"{COMPILER} {pinned_version(COMPILER)} {PROGRAM.read_text()}"


def compile_layer(layer: Path, compiler: Path, python: str) -> None:
    """Write ``__pycache__`` next to every module in ``layer`` for the version ``python`` (such as ``"3.14"``).

    Raises :class:`BytecodeError`.
    """
    node = find_node()
    if not node:
        raise BytecodeError("compiling the layer needs Node.js 22 or newer, which runs the compiler")
    command = [node, str(PROGRAM), str(compiler), str(layer), python]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BytecodeError(f"the layer could not be compiled for Python {python}: {done.stderr.strip()[-2000:]}")
