"""docs/reference/sam-local.md agrees with the template: logical ids, files and variables."""

import json
import re

from infra import ROOT
from tests.infra.template import Template

DOCUMENT = (ROOT / "docs" / "reference" / "sam-local.md").read_text()
ENVIRONMENT = json.loads((ROOT / "scripts" / "sam" / "environment.json").read_text())["Parameters"]
ID = re.compile(r'"[A-Za-z]*Function[0-9A-F]{8}": \{')
"""The pattern of the document, as Python writes it."""


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
