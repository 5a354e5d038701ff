"""The doctor on the stage that was deployed from the synthesized template: what it says mends what it finds."""

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
    """Everything that the command finds."""
    told = subprocess.run(
        [sys.executable, "-m", "scripts.commands.scrapersky.doctor", "--json", "--stage", "local"],
        env={**os.environ, **running.system.aws.environment, "DATABASE_URL": running.system.database_url},
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(told.stdout)
    assert report["unchecked"] == []
    assert told.returncode == (1 if report["findings"] else 0), told.stderr
    return list(report["findings"])


def test_a_stage_as_we_deploy_it_lacks_only_what_its_database_was_not_told_and_a_wrong_queue_is_found(
    running: Running,
) -> None:
    for finding in findings(running):
        assert finding["check"] == "role_without_timeout", finding
        with running.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for command in finding["mend"]:
                connection.exec_driver_sql(command)
    assert findings(running) == []
    sqs = running.system.aws.client("sqs")
    url = running.system.deployed(DOMAIN_SCHEDULER).queue_url
    right = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "30"})
    try:
        assert [finding["check"] for finding in findings(running)] == ["visibility_short"]
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=right)
