"""The CDK app. The CDK CLI runs it (``cdk.json``); everything else calls :func:`synth`.

``python -m infra.app --stage local --out build/local`` synthesizes without the CDK CLI and prints the folder.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from aws_cdk import App

from infra import ROOT
from infra.config import DEPLOYED, STAGES
from infra.dependencies import LayerError, build
from infra.plan import plan
from infra.stack import ScraperSkyStack
from scrapersky.settings import SettingsError


class UnknownStage(LookupError):
    """A requested stage is not in ``infra/config.py``."""


def synth(
    stages: Iterable[str] | None = None,
    *,
    environment: Mapping[str, str],
    out: Path | None = None,
    dependencies: Path | None = None,
) -> Path:
    """Synthesize ``stages`` and return the folder of the cloud assembly (``<stack>.template.json``, assets).

    Without ``stages``: those of the context ``stages`` (``cdk synth -c stages=local``), else dev and prod. Settings in
    ``environment`` override the stages' own. ``dependencies`` is an already built dependency layer.
    Raises :class:`UnknownStage`, and :class:`scrapersky.settings.SettingsError` for an invalid setting.
    """
    app = new_app(out)
    context = app.node.try_get_context("stages")
    for name in stages or (context.split(",") if context else DEPLOYED):
        stage = STAGES.get(name)
        if not stage:
            raise UnknownStage(f"unknown stage {name!r}; valid stages: {', '.join(STAGES)}")
        planned = plan(stage, environment)  # first: the layer takes minutes to build
        layer = (dependencies or build(stage.architecture)) if stage.dependency_layer else None
        ScraperSkyStack(app, plan=planned, dependencies=layer)
    return Path(app.synth().directory)


def new_app(out: Path | None = None) -> App:
    """Return an app without stacks, with the feature flags of ``cdk.json``, which otherwise only the CLI would set."""
    return App(
        outdir=str(out) if out else None,
        analytics_reporting=False,
        context=json.loads((ROOT / "cdk.json").read_text())["context"],
    )


def main(stages: Iterable[str] | None = None, out: Path | None = None) -> Path:
    """Call :func:`synth` with this process's environment. Exits with one line on an operator's error."""
    try:
        return synth(stages, environment=os.environ, out=out)
    except (SettingsError, LayerError, UnknownStage) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    except RuntimeError as error:  # the CDK's own type of all errors
        if "ValidationFailed" not in str(error):
            raise
        sys.exit("not synthesized: see the lines that start with ERROR above")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m infra.app", description="Synthesize stages without the CDK CLI.")
    parser.add_argument("--stage", action="append", choices=sorted(STAGES), help="repeatable; default: dev and prod")
    parser.add_argument("--out", type=Path, help="folder of the cloud assembly")
    arguments = parser.parse_args()
    folder = main(arguments.stage, arguments.out)
    if "CDK_OUTDIR" not in os.environ:  # the CDK CLI sets it, and knows the folder
        print(folder)
