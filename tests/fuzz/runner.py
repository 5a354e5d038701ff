"""A fuzz target, and the runner that checks inputs against it and keeps one input per kind of finding."""

import hashlib
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

BASE_SECONDS = 0.5
"""Processor time that every input may take, however small it is."""

MAX_GROWTH_KIB = 50_000
"""How much one input may raise the process's peak resident memory."""


class PropertyError(AssertionError):
    """A property does not hold for an input; the message names the property and the value."""


@dataclass(frozen=True)
class Target:
    """A function to fuzz: ``check`` takes any bytes and returns; every exception that it raises is a finding.

    ``seeds`` yields real inputs to mutate. An input may take :data:`BASE_SECONDS` of processor time plus
    ``seconds_per_megabyte`` for its size.
    """

    name: str
    about: str
    check: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    words: tuple[bytes, ...]
    """Tokens of the input's syntax; mutations insert them."""
    seconds_per_megabyte: float = 5.0


def hold(holds: bool, what: str, value: object = "") -> None:
    """Raise :class:`PropertyError` unless ``holds``."""
    if not holds:
        raise PropertyError(f"{what}: {value!r:.500}" if value != "" else what)


@dataclass
class Runner:
    """Runs inputs against ``target``. Writes the smallest input of each kind of finding to ``directory``.

    Findings are grouped by the line of code that raised; slow inputs and memory growth are one kind each.
    """

    target: Target
    directory: Path
    base_seconds: float = BASE_SECONDS
    runs: int = 0
    slowest: float = 0.0
    findings: dict[str, Path] = field(default_factory=dict)

    def run(self, data: bytes) -> None:
        """Check one input and record what it breaks."""
        self.runs += 1
        memory = _peak_memory_kib()
        seconds = self._seconds(data)
        if seconds is not None:
            self.slowest = max(self.slowest, seconds)
            if seconds > self._limit(data):
                # Another process on the same core costs time too: report only what is slow in every run.
                again = min(self._seconds(data) or 0.0 for _ in range(3))
                if again > self._limit(data):
                    self._keep("slow", data, f"{again:.2f} s for {len(data)} bytes")
        if (grown := _peak_memory_kib() - memory) > MAX_GROWTH_KIB:
            self._keep("memory", data, f"{grown} KiB for {len(data)} bytes")

    def _limit(self, data: bytes) -> float:
        return self.base_seconds + self.target.seconds_per_megabyte * len(data) / 1e6

    def _seconds(self, data: bytes) -> float | None:
        began = time.process_time()
        try:
            self.target.check(data)
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            place = next((frame for frame in reversed(frames) if _is_project_code(frame.filename)), frames[-1])
            what = f"{type(error).__name__} {str(error).partition(':')[0][:60]}"
            self._keep(f"{Path(place.filename).name}:{place.lineno} {what}", data, traceback.format_exc())
            return None
        return time.process_time() - began

    def _keep(self, kind: str, data: bytes, why: str) -> None:
        known = self.findings.get(kind)
        if known is not None and known.stat().st_size <= len(data):
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(kind.encode()).hexdigest()[:10]
        path = self.directory / f"{self.target.name}-{name}"
        path.write_bytes(data)
        path.with_suffix(".txt").write_text(f"{kind}\n\n{why}\n", errors="backslashreplace")
        if known is None:
            print(f"{self.target.name}: {kind} ({len(data)} bytes, {path})", file=sys.stderr, flush=True)
        self.findings[kind] = path


def _peak_memory_kib() -> int:
    """Return the process's peak resident memory; Linux reports it in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _is_project_code(filename: str) -> bool:
    """Return whether a traceback line in ``filename`` identifies a finding; lines of :func:`hold` do not."""
    return "site-packages" not in filename and not filename.endswith("fuzz/runner.py")
