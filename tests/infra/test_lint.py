"""cfn-lint on the template of every stage, and of one that creates a network and a database."""

import json
from collections.abc import Mapping

import pytest
from cfnlint import lint
from cfnlint.config import ManualArgs

from infra.config import STAGES
from tests.infra.template import Template

ACKNOWLEDGED = {
    "W3005": "the CDK writes DependsOn in addition to references that already order the resources",
}


@pytest.mark.parametrize("stage", [*STAGES, "aurora"])
def test_cfn_lint_reports_only_acknowledged_findings(
    templates: Mapping[str, Template], varied: Mapping[str, Template], stage: str
) -> None:
    template = {**templates, **varied}[stage]
    found = lint(json.dumps(template.body), config=ManualArgs(regions=["us-east-1"], ignore_checks=list(ACKNOWLEDGED)))
    assert [f"{one.rule.id} {one.message}" for one in found] == []
