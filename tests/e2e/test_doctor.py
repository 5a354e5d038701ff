"""``scrapersky doctor`` on the stage that was deployed from the synthesized template."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from scrapersky.runtime.registry import DOMAIN_SCHEDULER
from tests.e2e.conftest import Running

pytestmark = pytest.mark.timeout(900)


def findings(running: Running) -> list[dict[str, Any]]:
    """Return all findings of the command."""
    without_database_url = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    ran = subprocess.run(
        [sys.executable, "-m", "scripts.commands.scrapersky", "doctor", "--json", "--stage", "local"],
        env={**without_database_url, **running.system.aws.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(ran.stdout)
    assert report["unchecked"] == []
    assert ran.returncode == (1 if report["findings"] else 0), ran.stderr
    return list(report["findings"])


def test_a_fresh_local_stage_is_healthy_and_a_wrong_queue_is_found(running: Running) -> None:
    assert findings(running) == []
    sqs = running.system.aws.client("sqs")
    url = running.system.deployed(DOMAIN_SCHEDULER).queue_url
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "30"})
    try:
        assert [finding["check"] for finding in findings(running)] == ["visibility_short"]
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=before)
