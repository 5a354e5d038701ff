"""Compiles a layer for Lambda's Python, which need not be installed: CPython of that version comes from npm, as WebAssembly.

Without bytecode Lambda compiles every module at every cold start: the layer is read-only, and the zip resets the times by
which ordinary bytecode is judged. Ours is unchecked (PEP 552). Bytecode depends on Python's version, not on the machine.
"""

import subprocess
from pathlib import Path

from infra.node_modules import NotInstalled, pinned, require, runtime

COMPILER = "pyodide"
PROGRAM = Path(__file__).with_suffix(".mjs")


class BytecodeError(RuntimeError):
    """The layer could not be compiled; the message holds the compiler's own words."""


def compiler() -> Path | None:
    """The folder of the compiler, installed when absent; None where it cannot be had."""
    try:
        return require(COMPILER)
    except NotInstalled:
        return None


def identity() -> str:
    """What a compiled layer depends on beside its sources."""
    return f"{COMPILER} {pinned(COMPILER)} {PROGRAM.read_text()}"


def compile_layer(layer: Path, compiler: Path, python: str) -> None:
    """Writes ``__pycache__`` beside every module in ``layer`` for ``python`` (``"3.14"``). Raises :class:`BytecodeError`."""
    found = runtime()
    if not found:
        raise BytecodeError("the layer's bytecode needs Node.js 22 or newer, on which its compiler runs")
    command = [found, str(PROGRAM), str(compiler), str(layer), python]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BytecodeError(f"the layer could not be compiled for Python {python}: {done.stderr.strip()[-2000:]}")
