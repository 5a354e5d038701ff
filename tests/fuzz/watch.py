"""Runs one input, judges it, and keeps what is worth a look: each kind of finding once."""

import hashlib
import resource
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.target import Target

BASE_SECONDS = 0.5
MOST_MEMORY = 50_000
"""KiB that one input may add to the most that the process ever took."""


@dataclass
class Watch:
    """What came of ``target`` so far. Findings go into ``directory``, by the place in the code that they come from."""

    target: Target
    directory: Path
    base_seconds: float = BASE_SECONDS
    runs: int = 0
    slowest: float = 0.0
    findings: dict[str, Path] = field(default_factory=dict)

    def run(self, data: bytes) -> None:
        """Checks one input."""
        self.runs += 1
        memory = _most_memory()
        seconds = self._seconds(data)
        if seconds is not None:
            self.slowest = max(self.slowest, seconds)
            if seconds > self._most(data):
                # Another process on the same core costs time as well: only what is slow each time is slow.
                again = min(self._seconds(data) or 0.0 for _ in range(3))
                if again > self._most(data):
                    self._keep("slow", data, f"{again:.2f} s for {len(data)} bytes")
        if (grown := _most_memory() - memory) > MOST_MEMORY:
            self._keep("memory", data, f"{grown} KiB for {len(data)} bytes")

    def _most(self, data: bytes) -> float:
        return self.base_seconds + self.target.seconds_per_megabyte * len(data) / 1e6

    def _seconds(self, data: bytes) -> float | None:
        began = time.process_time()
        try:
            self.target.check(data)
        except Exception as problem:
            frames = traceback.extract_tb(problem.__traceback__)
            place = next((frame for frame in reversed(frames) if _is_ours(frame.filename)), frames[-1])
            what = f"{type(problem).__name__} {str(problem).partition(':')[0][:60]}"
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


def _most_memory() -> int:
    """KiB (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _is_ours(filename: str) -> bool:
    """Whether a line of that file says where a finding comes from."""
    return "site-packages" not in filename and not filename.endswith("fuzzing/target.py")
