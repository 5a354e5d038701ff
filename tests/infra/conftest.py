"""The stacks, synthesized once a session, without the CDK CLI, without the network and whatever the shell's settings."""

import compileall
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.app import synth
from infra.config import STAGES
from infra.dependencies import ROOT
from tests.infra.template import Template

OVERRIDES = {
    "DOMAIN_SCHEDULER_INTERVAL_MINUTES": "5",
    "SITEMAP_IMPORT_SCHEDULER_MAX_INSTANCES": "7",
    "SITEMAP_SCHEDULER_TICKETS_PER_INVOCATION": "3",
    "FUNCTION_TIMEOUT_SECONDS": "300",
    "DISPATCH_LEASE_SECONDS": "10000",
    "RETRY_BASE_SECONDS": "45",
    "STAGE": "elsewhere",
    "DATABASE_SECRET": "somebody-elses",
    "DATABASE_URL": "postgresql+pg8000://me:secret@127.0.0.1/mine",
    "WEB_LOOPBACK_INTERNET": "/tmp/internet.json",
}
"""What an operator's shell may hold while deploying: settings, and things that must not reach an account."""


@pytest.fixture(scope="session")
def placeholder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stands for the built dependency layer, whose content the template does not show."""
    folder = tmp_path_factory.mktemp("dependencies")
    (folder / "placeholder.txt").write_text("the tests of the layer build the true one")
    return folder


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory, placeholder: Path) -> Mapping[str, Template]:
    """Every stage's stack by the stage's name, with bytecode lying about as it does after a run of the functions."""
    for code in ("functions", "layers/common"):
        compileall.compile_dir(ROOT / code, quiet=2)
    folder = synth(STAGES, environment={}, out=tmp_path_factory.mktemp("assembly"), dependencies=placeholder)
    return {name: Template(folder, stage.stack) for name, stage in STAGES.items()}


@pytest.fixture(params=STAGES)
def template(request: pytest.FixtureRequest, templates: Mapping[str, Template]) -> Template:
    """Each stage's stack in turn."""
    return templates[request.param]


@pytest.fixture(params=["dev", "prod"])
def deployed(request: pytest.FixtureRequest, templates: Mapping[str, Template]) -> Template:
    """The stack of each stage that goes to an account, in turn."""
    return templates[request.param]


@pytest.fixture(scope="session")
def overridden(tmp_path_factory: pytest.TempPathFactory, placeholder: Path) -> Template:
    """Stage dev, synthesized under :data:`OVERRIDES`."""
    out = tmp_path_factory.mktemp("overridden")
    return Template(synth(["dev"], environment=OVERRIDES, out=out, dependencies=placeholder), "scrapersky-dev")
