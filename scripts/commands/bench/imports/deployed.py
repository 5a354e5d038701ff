"""The code as it lies on Lambda, but for this machine's Python: the locked layer with its bytecode, our own code without."""

import compileall
import platform
import py_compile
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from infra import ROOT
from infra.dependencies import PLATFORM, Architecture, install

OURS = {"functions": ROOT / "functions", "common": ROOT / "layers" / "common" / "python"}


@dataclass(frozen=True)
class Deployed:
    """Folders to import from, in Lambda's order; the last, boto3's, is what the runtime brings."""

    path: tuple[Path, ...]

    @classmethod
    def here(cls, folder: Path) -> "Deployed":
        """Installs everything into ``folder``. Raises :class:`infra.dependencies.LayerError`."""
        for name, source in OURS.items():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "events"))
        architecture: Architecture = "arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64"
        layer = folder / "layer"
        install(layer, PLATFORM[architecture], f"{sys.version_info.major}.{sys.version_info.minor}")
        unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(layer, quiet=1, invalidation_mode=unchecked)
        runtime = next(Path(entry) for entry in sys.path if Path(entry, "boto3").is_dir())
        return cls((*(folder / name for name in OURS), layer, runtime))
