"""checkov over the templates: whatever it finds is in the commented baseline; skipped where checkov cannot be installed."""

from collections.abc import Mapping

import pytest

from infra.config import DEPLOYED
from scripts.policy_checks import baseline
from scripts.policy_checks.environment import CannotBeMade, python
from scripts.policy_checks.findings import Finding, find
from tests.infra.template import Template

pytestmark = pytest.mark.timeout(900)  # the first run installs checkov


@pytest.fixture(scope="module")
def findings(templates: Mapping[str, Template], varied: Mapping[str, Template]) -> list[Finding]:
    """What checkov finds in the deployed stages, and in one with a network and a database of its own."""
    try:
        interpreter = python()
    except CannotBeMade as trouble:
        pytest.skip(str(trouble))
    return find(interpreter, [*(templates[stage].file for stage in DEPLOYED), varied["aurora"].file])


def test_every_finding_is_accepted_in_the_baseline(findings: list[Finding]) -> None:
    assert list(baseline.unexplained(findings, baseline.read())) == []


def test_the_baseline_accepts_nothing_that_is_not_found(findings: list[Finding]) -> None:
    assert findings
    assert list(baseline.outdated(findings, baseline.read())) == []


def test_a_finding_on_another_type_of_resource_is_not_accepted() -> None:
    elsewhere = Finding("CKV_AWS_27", "encrypted", "AWS::S3::Bucket.Assets", "scrapersky-dev.template.json")
    assert list(baseline.unexplained([elsewhere], baseline.read())) == [elsewhere]
