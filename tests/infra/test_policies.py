"""checkov over the templates: whatever it finds is in the commented baseline; skipped where checkov cannot be installed."""

from collections.abc import Mapping
from pathlib import Path

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


def test_an_accepted_finding_that_is_gone_is_told() -> None:
    accepted = {"CKV_AWS_27": baseline.Accepted(frozenset({"AWS::SQS::Queue", "AWS::SNS::Topic"}), "for a reason")}
    queue = Finding("CKV_AWS_27", "encrypted", "AWS::SQS::Queue.Work", "scrapersky-dev.template.json")
    assert list(baseline.outdated([queue], accepted)) == ["CKV_AWS_27 AWS::SNS::Topic"]


def test_an_entry_of_the_baseline_without_a_reason_is_refused(tmp_path: Path) -> None:
    (tmp_path / "baseline.toml").write_text('[CKV_AWS_27]\nresources = ["AWS::SQS::Queue"]\n')
    with pytest.raises(ValueError, match=r"\[CKV_AWS_27\] needs resources = \[…\] and why"):
        baseline.read(tmp_path / "baseline.toml")
