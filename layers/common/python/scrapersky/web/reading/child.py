"""The child process: reads one page at a time, under limits that the kernel enforces inside C code too.

Run as ``python -S -P -m scrapersky.web.reading.child MEMORY_BYTES MODULE:FUNCTION …`` with a socket as standard input.
A request is a frame of JSON ``{"function", "fetched", "options", "cpu_seconds"}`` and a frame with the body; the reply is
one frame of JSON: ``{"result", "resident"}``, or ``{"error"}`` for an exception that is our fault. A frame is its length
(4 bytes, big-endian) and that many bytes.

What it reads is hostile, and a parser may have a hole. Therefore the process gets no environment variables beyond those
that Python needs, and before the first page it gives up opening files and sockets (the parent's AWS keys could be
read from ``/proc``), starting processes and writing core dumps. It never writes the contents of a page anywhere but into
its reply.
"""

import ctypes
import json
import marshal
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import MAGIC_NUMBER, cache_from_source, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

from scrapersky.web.fetched import Fetched, Headers

OUT_OF_MEMORY = 3
"""Exit status after an allocation failed: the page needs more memory than it may have."""

MAX_REPLY = 4_000_000
"""Bytes of the longest reply. A page whose facts are longer is as little use as one that needs too much memory."""

LAZY_PACKAGES = ("phonenumbers.data",)
"""Packages whose modules are imported when a page needs them, which is after files can no longer be opened."""

PAGE_BYTES = resource.getpagesize()
PR_SET_NO_NEW_PRIVS = 38

ReadPage = Callable[..., dict[str, Any]]


class PreloadedModules(MetaPathFinder, Loader):
    """Import the modules of ``packages`` from bytes that are read now and executed when a module is first used.

    The metadata of 245 telephone regions takes 70 ms to import and 5 ms to read; a page needs one or two of them.
    """

    def __init__(self, packages: Sequence[str]) -> None:
        self._files: dict[str, tuple[Path, bytes | None, bytes]] = {}
        for package in packages:
            for folder in import_module(package).__path__:
                for file in Path(folder).glob("*.py"):
                    self._files[f"{package}.{file.stem}"] = (file, _bytecode(file), file.read_bytes())

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """Return a spec for a module that was read."""
        return spec_from_loader(fullname, self) if fullname in self._files else None

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module's bytecode, or its source where there is none."""
        file, bytecode, source = self._files[module.__name__]
        code = marshal.loads(bytecode) if bytecode is not None else compile(source, str(file), "exec")  # noqa: S302
        exec(code, module.__dict__)  # noqa: S102


def _bytecode(file: Path) -> bytes | None:
    """Return the marshalled code of the cached bytecode of ``file``, if it is of this Python."""
    try:
        cached = Path(cache_from_source(file)).read_bytes()
    except OSError:
        return None
    return cached[16:] if cached[:4] == MAGIC_NUMBER else None


def main(memory_bytes: int, names: Sequence[str]) -> None:
    """Serve requests from standard input until the parent closes its end."""
    modules = {name: import_module(name.partition(":")[0]) for name in names}
    functions = {name: getattr(module, name.partition(":")[2]) for name, module in modules.items()}
    sys.meta_path.insert(0, PreloadedModules(LAZY_PACKAGES))
    for module in modules.values():
        module.warm_up()
    statistics = os.open("/proc/self/statm", os.O_RDONLY) if sys.platform == "linux" else None
    requests = socket.socket(fileno=0)
    give_up_privileges(memory_bytes)
    requests.sendall(frame({"ready": True}))
    while (head := receive(requests)) is not None:
        body = receive(requests)
        assert body is not None
        reply = answer(functions, json.loads(head), body)
        requests.sendall(frame(reply | {"resident": resident_bytes(statistics)}))


def answer(functions: dict[str, ReadPage], request: dict[str, Any], body: bytes) -> dict[str, Any]:
    """Return the result of the function that ``request`` names, or the exception that it raised.

    Ends the process if the page needs more memory or time than it may have.
    """
    head = request["fetched"]
    fetched = Fetched(
        **(head | {"headers": Headers(head["headers"].items()), "redirects": tuple(head["redirects"])}), body=body
    )
    signal.setitimer(signal.ITIMER_PROF, request["cpu_seconds"])
    try:
        return {"result": functions[request["function"]](fetched, **request["options"])}
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except Exception as error:
        if type(error).__name__ == "SelectolaxError":  # what selectolax makes of an allocation that fails
            os._exit(OUT_OF_MEMORY)
        return {"error": f"{type(error).__name__} in {_place(error)}"}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def give_up_privileges(memory_bytes: int) -> None:
    """Limit memory, and give up opening files, sockets and processes, for good.

    RLIMIT_DATA and not RLIMIT_AS: the latter counts the reserved but unused address space of arenas and mappings.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    limits = {
        resource.RLIMIT_DATA: memory_bytes,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_NOFILE: _descriptors(),
    }
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))


def _descriptors() -> int:
    """Return the lowest RLIMIT_NOFILE that keeps the open descriptors; there must be no free number below it."""
    number = os.dup(0)
    os.close(number)
    return number


def resident_bytes(statistics: int | None) -> int:
    """Return the process' resident memory in bytes; 0 where the system does not report it."""
    if statistics is None:
        return 0
    return int(os.pread(statistics, 100, 0).split()[1]) * PAGE_BYTES


def frame(content: dict[str, Any]) -> bytes:
    """Return ``content`` as a frame. Ends the process if it is longer than MAX_REPLY."""
    encoded = json.dumps(content).encode("ascii")
    if len(encoded) > MAX_REPLY:
        os._exit(OUT_OF_MEMORY)
    return struct.pack(">I", len(encoded)) + encoded


def receive(requests: socket.socket) -> bytes | None:
    """Return the content of the next frame; None when the parent has closed the connection."""
    length = _exactly(requests, 4)
    return None if length is None else _exactly(requests, struct.unpack(">I", length)[0])


def _exactly(requests: socket.socket, size: int) -> bytes | None:
    received = bytearray()
    while len(received) < size:
        chunk = requests.recv(size - len(received))
        if not chunk:
            return None
        received += chunk
    return bytes(received)


def _place(error: Exception) -> str:
    """Return file and line where ``error`` was raised; its text may contain the page and is left out."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "unknown" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
