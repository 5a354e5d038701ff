"""The code that all functions of a stack share: one asset with the handlers, and the layers they import from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import ROOT

RUNTIME = lambda_.Runtime.PYTHON_3_14
# Tests write bytecode next to the sources, which must not change the assets' hashes. Sample events are for sam local.
EXCLUDED = ["**/__pycache__", "**/*.pyc", "**/.*", "**/events"]


@dataclass(frozen=True)
class Bundle:
    """The handlers' code and the layers."""

    code: lambda_.Code
    layers: Sequence[lambda_.ILayerVersion]


def bundle(scope: Construct, *, architecture: lambda_.Architecture, dependencies: Path | None) -> Bundle:
    """Return ``functions/`` as one asset, ``layers/common`` as a layer, and the layer built at ``dependencies`` if given."""
    common = lambda_.LayerVersion(
        scope,
        "Common",
        code=lambda_.Code.from_asset(str(ROOT / "layers" / "common"), exclude=EXCLUDED),
        description="models, status machine, service runtime, web client",
        compatible_runtimes=[RUNTIME],
    )
    layers = [common]
    if dependencies:
        layers.append(
            lambda_.LayerVersion(
                scope,
                "Dependencies",
                code=lambda_.Code.from_asset(str(dependencies)),
                description="third-party dependencies of the functions",
                compatible_runtimes=[RUNTIME],
                compatible_architectures=[architecture],
            )
        )
    return Bundle(lambda_.Code.from_asset(str(ROOT / "functions"), exclude=EXCLUDED), layers)
