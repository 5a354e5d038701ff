"""docs/reference/sam-local.md agrees with the template, and the real SAM CLI accepts both."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from infra import ROOT
from infra.app import new_app
from infra.config import DEV
from infra.plan import plan
from infra.stack import ScraperSkyStack
from tests.infra.template import Template

DOCUMENT = (ROOT / "docs" / "reference" / "sam-local.md").read_text()
ENVIRONMENT = json.loads((ROOT / "scripts" / "sam" / "environment.json").read_text())["Parameters"]
ID = re.compile(r'"[A-Za-z]*Function[0-9A-F]{8}": \{')
"""The pattern of the document, as Python writes it."""
COMMANDS = re.findall(r"^sam (.+)$", DOCUMENT.replace("\\\n", ""), re.MULTILINE)
(OLDEST,) = re.findall(r"SAM CLI ([\d.]+) or newer", DOCUMENT)
INSTALL_SECONDS = 180


@pytest.fixture(scope="module")
def sam() -> Path:
    """The oldest supported SAM CLI, in an environment of its own, because it pins boto3 and click."""
    sam = ROOT / ".sam" / "bin" / "sam"
    if not sam.exists():
        uv = [sys.executable, "-m", "uv"]
        python = ["--python", str(sam.with_name("python"))]
        try:
            for command in (
                [*uv, "venv", "--quiet", "--python", sys.executable, str(ROOT / ".sam")],
                [*uv, "pip", "install", "--quiet", *python, f"aws-sam-cli=={OLDEST}"],
            ):
                subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS)
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"could not install aws-sam-cli {OLDEST}: {getattr(error, 'stderr', None) or error}")
    return sam


@pytest.fixture(scope="module")
def template_of_the_cli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template of stage dev with the paths of code and layers, as ``cdk synth --no-staging`` writes it."""
    folder = tmp_path_factory.mktemp("sam")
    app = new_app(folder)
    for option in ("enable-asset-metadata", "disable-asset-staging", "enable-path-metadata"):
        app.node.set_context(f"aws:cdk:{option}", True)
    ScraperSkyStack(app, plan=plan(DEV, {}), dependencies=folder)
    app.synth()
    return folder / f"{DEV.stack}.template.json"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.split()[:2]))
def test_the_sam_cli_runs_the_documents_commands_until_they_need_a_container(
    sam: Path, template_of_the_cli: Path, command: str
) -> None:
    words = shlex.split(command.replace("cdk.out/scrapersky-dev.template.json", str(template_of_the_cli)))
    environment = {
        "PATH": os.defpath,
        "HOME": str(template_of_the_cli.parent),
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
        "SAM_CLI_TELEMETRY": "0",
        "DOCKER_HOST": "unix:///nonexistent",
    }
    done = subprocess.run(
        [str(sam), *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    printed = done.stdout + done.stderr
    assert ("is a valid SAM Template" if words[0] == "validate" else "requires a container runtime") in printed
    assert (done.returncode == 0) == (words[0] == "validate")


def test_the_pattern_of_logical_ids_finds_every_function_with_event_files(templates: dict[str, Template]) -> None:
    assert r"""grep -o '"[A-Za-z]*Function[0-9A-F]\{8\}": {'""" in DOCUMENT
    functions = templates["dev"].of_type("AWS::Lambda::Function")
    found = {functions[id]["FunctionName"] for id in functions if ID.match(f'"{id}": {{')}
    folders = {file.parent.parent.name for file in ROOT.glob("functions/*/events/*.json")}
    assert found >= {f"scrapersky-dev-{folder.replace('_', '-')}" for folder in folders}


def test_every_event_file_is_described() -> None:
    for file in ROOT.glob("functions/*/events/*"):
        assert f"- `{file.name}` " in DOCUMENT, file


def test_the_command_names_an_existing_function_event_and_environment(
    templates: dict[str, Template],
) -> None:
    (id,) = re.findall(r"sam local invoke (\w+)", DOCUMENT)
    assert id in templates["dev"].of_type("AWS::Lambda::Function")
    for file in re.findall(r"--(?:event|env-vars) (\S+)", DOCUMENT):
        assert (ROOT / file).is_file()


def test_the_environment_file_sets_only_variables_that_the_template_declares(templates: dict[str, Template]) -> None:
    functions = templates["dev"].of_type("AWS::Lambda::Function").values()
    declared = {name for function in functions for name in function.get("Environment", {}).get("Variables", {})}
    assert ENVIRONMENT.keys() <= declared


def test_the_environment_file_sets_every_variable_that_only_cloudformation_resolves(
    templates: dict[str, Template],
) -> None:
    functions = templates["dev"].of_type("AWS::Lambda::Function").values()
    names = {
        f"scrapersky-dev-{file.parent.parent.name.replace('_', '-')}" for file in ROOT.glob("functions/*/events/*")
    }
    for function in functions:
        if function.get("FunctionName") in names:
            declared = function["Environment"]["Variables"]
            assert {name for name, value in declared.items() if not isinstance(value, str)} <= ENVIRONMENT.keys()
