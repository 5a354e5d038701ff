"""cfn-lint over the template of every stage."""

import json

from cfnlint import lint
from cfnlint.config import ManualArgs

from tests.infra.template import Template

ACKNOWLEDGED = {
    "W3005": "the CDK writes DependsOn beside references that already order the resources",
}


def test_cfn_lint_finds_nothing_that_is_not_acknowledged(template: Template) -> None:
    found = lint(json.dumps(template.body), config=ManualArgs(regions=["us-east-1"], ignore_checks=list(ACKNOWLEDGED)))
    assert [f"{one.rule.id} {one.message}" for one in found] == []
