"""The CDK app: what the CDK CLI runs (``cdk.json``), and :func:`synth` for everybody else."""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from aws_cdk import App

from infra.config import DEPLOYED, STAGES
from infra.dependencies import ROOT, LayerError, build
from infra.plan import plan
from infra.stack import ScraperSkyStack
from scrapersky.settings import SettingsError


class UnknownStage(LookupError):
    """A stage was named that is not in ``infra/config.py``."""


def synth(
    stages: Iterable[str] | None = None,
    *,
    environment: Mapping[str, str],
    out: Path | None = None,
    dependencies: Path | None = None,
) -> Path:
    """Synthesizes ``stages`` and returns the folder of the cloud assembly (``<stack>.template.json``, assets).

    Without ``stages``: those of the context ``stages`` (``cdk synth -c stages=local``), else dev and prod. Settings in
    ``environment`` override the stages' own. ``dependencies`` is an already built dependency layer.
    Raises :class:`scrapersky.settings.SettingsError` for a bad setting.
    """
    app = new_app(out)
    context = app.node.try_get_context("stages")
    for name in stages or (context.split(",") if context else DEPLOYED):
        stage = STAGES.get(name)
        if not stage:
            raise UnknownStage(f"{name!r}: one of {', '.join(STAGES)} is right")
        layer = (dependencies or build(stage.architecture)) if stage.dependency_layer else None
        ScraperSkyStack(app, plan=plan(stage, environment), dependencies=layer)
    return Path(app.synth().directory)


def new_app(out: Path | None = None) -> App:
    """An app without stacks, with the flags of ``cdk.json``, which the CLI would hand over: else templates would differ."""
    return App(
        outdir=str(out) if out else None,
        analytics_reporting=False,
        context=json.loads((ROOT / "cdk.json").read_text())["context"],
    )


def main(stages: Iterable[str] | None = None, out: Path | None = None) -> Path:
    """:func:`synth` with this process's environment; a mistake of the operator ends it with one line, not a traceback."""
    try:
        return synth(stages, environment=os.environ, out=out)
    except (SettingsError, LayerError, UnknownStage) as mistake:
        sys.exit(f"{type(mistake).__name__}: {mistake}")


if __name__ == "__main__":
    main()
