"""The code that every function of a stack shares: one asset of handlers, and the layers below it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.dependencies import ROOT

RUNTIME = lambda_.Runtime.PYTHON_3_14
# Running the tests writes bytecode; it must not change the hash of what is deployed. Sample events are for sam local.
NOT_OURS = ["**/__pycache__", "**/*.pyc", "**/.*", "**/events"]


@dataclass(frozen=True)
class Bundle:
    """The handlers' code and the layers it imports from."""

    code: lambda_.Code
    layers: Sequence[lambda_.ILayerVersion]


def bundle(scope: Construct, *, architecture: lambda_.Architecture, dependencies: Path | None) -> Bundle:
    """``functions/`` as one asset, our own layer, and the built layer at ``dependencies`` unless it is None."""
    common = lambda_.LayerVersion(
        scope,
        "Common",
        code=lambda_.Code.from_asset(str(ROOT / "layers" / "common"), exclude=NOT_OURS),
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
                description="what the functions import from PyPI",
                compatible_runtimes=[RUNTIME],
                compatible_architectures=[architecture],
            )
        )
    return Bundle(lambda_.Code.from_asset(str(ROOT / "functions"), exclude=NOT_OURS), layers)
