"""What checkov finds in templates."""

import json
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Finding:
    """One policy that one resource does not meet. ``resource`` is ``<type>.<logical id>`` in the template ``file``."""

    check: str
    policy: str
    resource: str
    file: str

    @property
    def kind(self) -> str:
        """The resource's type: ``AWS::SQS::Queue``."""
        return self.resource.rpartition(".")[0]


def find(python: Path, templates: Iterable[Path]) -> list[Finding]:
    """Runs checkov, by its interpreter ``python``, over ``templates``. Asks nobody on the network.

    Raises RuntimeError with checkov's own words when it does not get to its end.
    """
    command = [str(python), "-P", "-m", "checkov.main", "--framework", "cloudformation", "--output", "json"]
    command += ["--quiet", "--compact", "--skip-download", "--soft-fail"]
    for template in templates:
        command += ["--file", str(template)]
    with tempfile.TemporaryDirectory() as home:  # it writes a cache into its home, and reads a configuration there
        ran = subprocess.run(
            command, cwd=home, env={"HOME": home, "PATH": ""}, capture_output=True, text=True, check=False
        )
    if ran.returncode:
        raise RuntimeError(f"checkov ended with {ran.returncode}: {ran.stderr.strip()[-2000:]}")
    answer = json.loads(ran.stdout)
    if answer["summary"]["parsing_errors"] or not answer["summary"]["resource_count"]:
        raise RuntimeError(f"checkov could not read the templates: {answer['summary']}")
    return sorted(
        Finding(one["check_id"], one["check_name"], one["resource"], Path(one["file_path"]).name)
        for one in answer["results"]["failed_checks"]
    )
