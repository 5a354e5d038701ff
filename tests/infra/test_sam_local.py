"""docs/reference/sam-local.md agrees with the template: logical ids, files and variables."""

import json
import re

from infra import ROOT
from tests.infra.template import Template

DOCUMENT = (ROOT / "docs" / "reference" / "sam-local.md").read_text()
ENVIRONMENT = json.loads((ROOT / "scripts" / "sam" / "environment.json").read_text())
ROW = re.compile(r"^\| ([\w-]+) \| `(\w+)` \| (.+) \|$", re.MULTILINE)


def test_every_row_names_the_logical_id_of_its_function_and_its_event_files(templates: dict[str, Template]) -> None:
    functions = templates["dev"].of_type("AWS::Lambda::Function")
    rows = ROW.findall(DOCUMENT)
    assert rows
    for name, id, files in rows:
        assert functions[id]["FunctionName"] == f"scrapersky-dev-{name}"
        folder = ROOT / "functions" / name.replace("-", "_")
        assert (folder / "handler.py").is_file()
        beside = {str(file.relative_to(ROOT)) for file in (folder / "events").glob("*.json")}
        assert set(re.findall(r"`([^`]+)`", files)) == beside
    written = {name.replace("-", "_") for name, _, _ in rows}
    assert written == {file.parent.parent.name for file in ROOT.glob("functions/*/events/*.json")}


def test_the_command_names_an_existing_function_event_and_environment(
    templates: dict[str, Template],
) -> None:
    (id,) = re.findall(r"sam local invoke (\w+)", DOCUMENT)
    assert id in templates["dev"].of_type("AWS::Lambda::Function")
    for file in re.findall(r"--(?:event|env-vars) (\S+)", DOCUMENT):
        assert (ROOT / file).is_file()


def test_the_environment_file_sets_only_variables_that_the_template_declares(templates: dict[str, Template]) -> None:
    functions = templates["dev"].of_type("AWS::Lambda::Function")
    for id, variables in ENVIRONMENT.items():
        assert variables.keys() <= functions[id]["Environment"]["Variables"].keys(), id


def test_the_environment_file_sets_every_variable_that_only_cloudformation_resolves(
    templates: dict[str, Template],
) -> None:
    for id in ENVIRONMENT:
        declared = templates["dev"].of_type("AWS::Lambda::Function")[id]["Environment"]["Variables"]
        unresolved = {name for name, value in declared.items() if not isinstance(value, str)}
        assert unresolved <= ENVIRONMENT[id].keys()
