"""Coverage-guided fuzzing with atheris (libFuzzer), which keeps and mutates the inputs that reach new code.

Optional: atheris is not part of the project's environment. ``scripts/fuzz --install`` installs it into ``.fuzzer``.
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

from tests.fuzz.runner import Runner

VERSION = "atheris==3.0.0"
FOLDER = Path(__file__).parents[2] / ".fuzzer"
INSTRUMENTED = ("scrapersky.web", "domain_scheduler", "sitemap_scheduler", "sitemap_import_scheduler", "protego")


def is_installed() -> bool:
    """Return whether atheris can be imported."""
    if FOLDER.is_dir() and str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))
    return importlib.util.find_spec("atheris") is not None


def fuzz(load: Callable[[], Runner], seconds: float, seed: int, report: Callable[[Runner], int]) -> None:
    """Fuzz the target that ``load`` imports. Does not return: the process exits with the code of ``report``.

    ``load`` must import the target itself, because modules are instrumented while they are imported.
    """
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=list(INSTRUMENTED)):
        runner = load()
    directory = Path(tempfile.mkdtemp(prefix="scrapersky-fuzz-"))
    (directory / "seeds").mkdir()
    for number, data in enumerate(runner.target.seeds()):
        (directory / "seeds" / str(number)).write_bytes(data)
    words = directory / "words"
    words.write_text("".join(f'"{_quoted(word)}"\n' for word in runner.target.words if word))
    ends_at = time.process_time() + seconds

    def run(data: bytes) -> None:
        runner.run(data)
        if time.process_time() > ends_at:
            code = report(runner)
            sys.stdout.flush()
            shutil.rmtree(directory, ignore_errors=True)
            os._exit(code)

    options = [f"-seed={seed}", f"-dict={words}", "-max_len=50000", "-rss_limit_mb=2000", "-timeout=60", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *options, str(directory / "seeds")], run)
    atheris.Fuzz()


def _quoted(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)
