"""The project's own files: CI, commit hooks, changelog, metadata."""

import base64
import hashlib
import re
import shlex
import shutil
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from infra.dependencies import PYTHON
from scripts.commands import test as suite

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CHANGES = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
"""Kinds of changes (keepachangelog.com)."""


def test_ci_runs_the_suite_on_the_oldest_python_and_on_that_of_the_functions() -> None:
    job = loaded(".github/workflows/ci.yml")["jobs"]["test"]
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert job["strategy"]["matrix"]["python"] == [oldest, PYTHON]
    assert job["steps"][-1] == {"run": "scripts/test", "env": {"PYTHON": "python${{ matrix.python }}"}}
    assert {f"Programming Language :: Python :: {version}" for version in (oldest, PYTHON)} <= set(
        PROJECT["classifiers"]
    )


def test_commit_hooks_download_nothing_and_run_in_the_projects_environment() -> None:
    (local,) = loaded(".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    for hook in local["hooks"]:
        assert hook["language"] in {"system", "pygrep"}
        if hook["language"] == "system":
            assert hook["entry"].startswith("scripts/environment python ")


def test_the_environment_is_not_made_again_from_itself_wherever_the_path_names_it(tmp_path: Path) -> None:
    inside, outside = stand_in(tmp_path / ".venv" / "bin"), stand_in(tmp_path / "bin")
    make_environment(tmp_path, f"{inside.parent}:{inside.parent}:{outside.parent}")
    assert outside.exists()
    assert not inside.exists()


def test_an_environment_is_kept_whichever_python_comes_first_unless_another_is_asked_for(tmp_path: Path) -> None:
    first, second = stand_in(tmp_path / "first"), stand_in(tmp_path / "second")
    stand_in(tmp_path / ".venv" / "bin")
    sum_of_lock = subprocess.run(["cksum"], input=b"", capture_output=True, check=True).stdout.decode().strip()
    (tmp_path / ".venv" / ".made-from").write_text(f"Python 3.11.7 {first.parent}/python3 {sum_of_lock}")
    assert make_environment(tmp_path, f"{second.parent}") == ""
    assert "Making the environment" in make_environment(tmp_path, f"{second.parent}", PYTHON=f"{second.parent}/python3")
    (tmp_path / "requirements.lock").write_text("other==1.0")
    assert "Making the environment" in make_environment(tmp_path, f"{first.parent}")


def test_an_environment_is_not_made_from_the_one_that_is_activated(tmp_path: Path) -> None:
    activated, other = stand_in(tmp_path / "activated" / "bin"), stand_in(tmp_path / "other")
    path = f"{activated.parent}:{other.parent}"
    made = make_environment(tmp_path, path, VIRTUAL_ENV=str(tmp_path / "activated"))
    assert "Making the environment" in made
    assert (activated.exists(), other.exists()) == (False, True)


def stand_in(folder: Path) -> Path:
    """Put an interpreter into ``folder`` that has no pip; return the file that shows that it ran."""
    folder.mkdir(parents=True)
    ran = folder / "ran"
    for name in ("python3", "python"):
        (folder / name).write_text(f"#!/bin/sh\ntouch {ran}\necho Python 3.11.7\n[ $1 = -V ]\n")
        (folder / name).chmod(0o755)
    return ran


def make_environment(root: Path, path: str, **variables: str) -> str:
    """Run a command in the environment of a project without packages; return what was reported."""
    (root / "scripts").mkdir(exist_ok=True)
    shutil.copy(ROOT / "scripts" / "environment", root / "scripts")
    (root / "requirements.lock").touch()
    environment = {"PATH": f"{path}:/usr/bin:/bin", "HOME": str(root), **variables}
    command = [str(root / "scripts" / "environment"), "true"]
    return subprocess.run(command, env=environment, capture_output=True, check=False).stderr.decode()


def test_commit_hooks_run_the_static_checks_of_the_suite() -> None:
    (local,) = loaded(".pre-commit-config.yaml")["repos"]
    hooks = [shlex.split(hook["entry"])[2:4] for hook in local["hooks"] if hook["language"] == "system"]
    assert all(list(command[:2]) in hooks for _, command in suite.CHECKS)


def test_the_hook_for_commit_subjects_rejects_more_than_72_characters() -> None:
    (hook,) = (one for one in loaded(".pre-commit-config.yaml")["repos"][0]["hooks"] if one["id"] == "commit-subject")
    pattern = re.compile(hook["entry"], re.MULTILINE | re.DOTALL)  # as pre-commit compiles it with --multiline
    assert not pattern.search("x" * 72 + "\n\n" + "y" * 100 + "\n")
    assert pattern.search("x" * 73 + "\n")


def test_the_changelog_has_an_unreleased_section_then_versions_with_dates() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    first, *released = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert first == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading) for heading in released)
    assert released[0].startswith(f"[{PROJECT['version']}]")
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= CHANGES


def test_only_one_module_of_the_product_makes_clients_of_aws() -> None:
    """The others would wait for as long as boto3's defaults say, which is longer than a function may run."""
    importing = re.compile(
        r"^\s*(?:import boto3|from boto3\b|from botocore(?:\.session)? import .*\b[Ss]ession)", re.MULTILINE
    )
    sources = [file for top in ("functions", "layers/common") for file in (ROOT / top).rglob("*.py")]
    found = [file.relative_to(ROOT).as_posix() for file in sources if importing.search(file.read_text())]
    assert found == ["layers/common/python/scrapersky/aws.py"]


def loaded(name: str) -> dict[str, Any]:
    """Return the YAML file ``name`` of the project."""
    return dict(yaml.safe_load((ROOT / name).read_text()))


def test_where_two_packages_hold_the_same_file_the_environment_has_that_of_the_cdk() -> None:
    cdk = metadata.distribution("aws-cdk-lib")
    hashes: dict[str, dict[str, str]] = {}
    for package in metadata.distributions():
        for file in package.files or ():
            if file.hash and file.parts[0] != "..":
                hashes.setdefault(str(file), {})[package.name] = file.hash.value
    differing = {file: of_package for file, of_package in hashes.items() if len(set(of_package.values())) > 1}
    assert {file: of_package["aws-cdk-lib"] for file, of_package in differing.items()} == {
        file: record_hash(Path(str(cdk.locate_file(file)))) for file in ("aws_cdk/cloud_assembly_schema/__init__.py",)
    }


def record_hash(path: Path) -> str:
    """Return the SHA-256 as RECORD files write it: base64 without padding (PEP 376)."""
    return base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()
