"""The stacks, synthesized once per session: without the CDK CLI, the network, and the settings in the shell."""

from infra import ROOT  # isort: skip  # chooses a Node before aws_cdk starts it
import compileall
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from aws_cdk import RemovalPolicy

from infra.app import new_app, synth
from infra.config import DEV, PROD, STAGES
from infra.plan import plan
from infra.stack import ScraperSkyStack
from infra.stage import Aurora, ExistingNetwork, Network, Stage
from scrapersky.settings import Settings
from tests.infra.template import Template

OVERRIDES = {
    "DOMAIN_SCHEDULER_INTERVAL_MINUTES": "5",
    "SITEMAP_IMPORT_SCHEDULER_MAX_INSTANCES": "7",
    "SITEMAP_SCHEDULER_RECORDS_AT_ONCE": "3",
    "DOMAIN_SCHEDULER_PULL": "false",
    "FUNCTION_TIMEOUT_SECONDS": "300",
    "DISPATCH_LEASE_SECONDS": "10000",
    "RETRY_BASE_SECONDS": "45",
    "STAGE": "elsewhere",
    "DATABASE_SECRET": "another-secret",
    "DATABASE_URL": "postgresql+pg8000://me:secret@127.0.0.1/mine",
    "WEB_LOOPBACK_INTERNET": "/tmp/internet.json",
}
"""Environment variables of an operator who deploys: settings, and values that must not be deployed."""

EXISTING = ExistingNetwork(
    vpc_id="vpc-0123456789abcdef0",
    zones=("eu-west-1a", "eu-west-1b"),
    private_subnets=("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"),
)
OPERATOR = {"WEB_USER_AGENT": "ShopBot/2.0 (+https://shop.example/robot)"}
"""Without it, a production stage has an error."""

VARIED: Mapping[str, Stage] = {
    "network": replace(
        DEV,
        name="network",
        network=Network(nat_gateways=2, endpoints=("sqs", "secretsmanager")),
        settings=Settings(web_proxy="blocked"),
    ),
    "existing": replace(DEV, name="existing", network=EXISTING, service_settings={"interval_minutes": 20}),
    "aurora": replace(PROD, name="aurora", network=Network(), database=Aurora(readers=1)),
    "protected": replace(
        PROD,
        name="protected",
        account="123456789012",
        region="eu-west-1",
        network=EXISTING,
        database=Aurora(deletion_protection=True),
        tracing=True,
        alarm_email="ops@scrapersky.example",
        log_level="DEBUG",
        reserved_concurrency=False,
    ),
    "thrown-away": replace(
        DEV,
        name="thrown-away",
        network=EXISTING,
        database=Aurora(min_acu=0, removal=RemovalPolicy.DESTROY),
    ),
}
"""Other possible stages: each kind of network with each kind of database, and each option once."""


@pytest.fixture(scope="session")
def placeholder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a stand-in for the built dependency layer, whose content does not appear in the template."""
    folder = tmp_path_factory.mktemp("dependencies")
    (folder / "placeholder.txt").write_text("test_dependencies.py builds the real layer")
    return folder


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory, placeholder: Path) -> Mapping[str, Template]:
    """Return every stage's stack by the stage's name. The sources have bytecode, as after a run of the functions."""
    for code in ("functions", "layers/common"):
        compileall.compile_dir(ROOT / code, quiet=2)
    folder = synth(STAGES, environment=OPERATOR, out=tmp_path_factory.mktemp("assembly"), dependencies=placeholder)
    return {name: Template(folder, stage.stack) for name, stage in STAGES.items()}


@pytest.fixture(scope="session")
def varied(tmp_path_factory: pytest.TempPathFactory, placeholder: Path) -> Mapping[str, Template]:
    """Return the stack of each stage of :data:`VARIED`, by its name. cdk-nag's rules pass, or the synth would fail."""
    folder = tmp_path_factory.mktemp("varied")
    app = new_app(folder)
    for stage in VARIED.values():
        ScraperSkyStack(app, plan=plan(stage, OPERATOR), dependencies=placeholder)
    app.synth()
    return {name: Template(folder, stage.stack) for name, stage in VARIED.items()}


@pytest.fixture(scope="session")
def with_tokens(tmp_path_factory: pytest.TempPathFactory, placeholder: Path) -> Template:
    """Return stage dev as it is when callers send tokens of an issuer."""
    folder = tmp_path_factory.mktemp("tokens")
    stage = replace(DEV, jwt_issuer="https://login.example", jwt_audience=("scrapersky",), console_client_id="console")
    app = new_app(folder)
    ScraperSkyStack(app, plan=plan(stage, {}), dependencies=placeholder)
    app.synth()
    return Template(folder, stage.stack)


@pytest.fixture(params=STAGES)
def template(request: pytest.FixtureRequest, templates: Mapping[str, Template]) -> Template:
    """Return each stage's stack in turn."""
    return templates[request.param]


@pytest.fixture(params=["dev", "prod"])
def deployed(request: pytest.FixtureRequest, templates: Mapping[str, Template]) -> Template:
    """Return the stack of each stage that is deployed to AWS, in turn."""
    return templates[request.param]


@pytest.fixture(scope="session")
def overridden(tmp_path_factory: pytest.TempPathFactory, placeholder: Path) -> Template:
    """Return stage dev, synthesized with :data:`OVERRIDES`."""
    out = tmp_path_factory.mktemp("overridden")
    return Template(synth(["dev"], environment=OVERRIDES, out=out, dependencies=placeholder), "scrapersky-dev")
