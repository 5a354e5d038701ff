"""Fuzzing by coverage: atheris (libFuzzer) keeps the inputs that reach new code and goes on from there.

Optional, and never part of the project's environment: ``scripts/fuzz --install`` puts it into ``.fuzzer``.
"""

import importlib
import importlib.util
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.watch import Watch

VERSION = "atheris==3.0.0"
FOLDER = Path(__file__).parents[2] / ".fuzzer"
INSTRUMENTED = ("scrapersky.web", "domain_scheduler", "sitemap_scheduler", "sitemap_import_scheduler", "protego")


def is_here() -> bool:
    """Whether atheris can be imported."""
    if FOLDER.is_dir() and str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))
    return importlib.util.find_spec("atheris") is not None


def fuzz(load: Callable[[], Watch], seconds: float, seed: int, report: Callable[[Watch], int]) -> None:
    """Does not return: libFuzzer ends the process, with the exit code of ``report``.

    ``load`` imports the target, which must happen in here: modules are instrumented as they are imported.
    """
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        watch = load()
    directory = Path(tempfile.mkdtemp(prefix="scrapersky-fuzz-"))
    (directory / "seeds").mkdir()
    for number, data in enumerate(watch.target.seeds()):
        (directory / "seeds" / str(number)).write_bytes(data)
    words = directory / "words"
    words.write_text("".join(f'"{_quoted(word)}"\n' for word in watch.target.words if word))
    ends_at = time.process_time() + seconds

    def run(data: bytes) -> None:
        watch.run(data)
        if time.process_time() > ends_at:
            code = report(watch)
            sys.stdout.flush()
            shutil.rmtree(directory, ignore_errors=True)
            os._exit(code)

    options = [f"-seed={seed}", f"-dict={words}", "-max_len=50000", "-rss_limit_mb=2000", "-timeout=60", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *options, str(directory / "seeds")], run)
    atheris.Fuzz()


def _quoted(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)
