"""cfn-lint over every stage's template; skipped where it is not installed (``pip install cfn-lint``)."""

import json

import pytest

from tests.infra.template import Template

ACKNOWLEDGED = {
    "W3005": "the CDK writes DependsOn beside references that already order the resources",
}


def test_cfn_lint_finds_nothing_that_is_not_acknowledged(template: Template) -> None:
    pytest.importorskip("cfnlint", reason="cfn-lint is not installed here")
    from cfnlint import lint  # type: ignore[import-not-found, unused-ignore]
    from cfnlint.config import ManualArgs  # type: ignore[import-not-found, unused-ignore]

    found = lint(json.dumps(template.body), config=ManualArgs(regions=["us-east-1"], ignore_checks=list(ACKNOWLEDGED)))
    assert [f"{one.rule.id} {one.message}" for one in found] == []
