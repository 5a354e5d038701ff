"""The command ``scripts/run`` as a person uses it."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import pytest

from scrapersky.web.hosts import normalise_host
from scripts.commands.run.folder import PREFIX
from scripts.commands.run.internet import shipped

pytestmark = pytest.mark.timeout(900)

COMMAND = Path(__file__).parents[2] / "scripts" / "run"


def environment(temporary: Path) -> Mapping[str, str]:
    temporary.mkdir(exist_ok=True)
    return {**os.environ, "TMPDIR": str(temporary)}


def processes_of(temporary: Path) -> list[str]:
    """Command lines of all processes that know the run's folder, by argument or by environment."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                command = (process / "cmdline").read_bytes()
                known = command + (process / "environ").read_bytes()
            except OSError:
                continue
            if str(temporary).encode() in known:
                found.append(command.replace(b"\0", b" ").decode(errors="replace"))
    return found


def line_with(words: str, output: IO[str]) -> str:
    for line in output:
        if words in line:
            return line
    raise AssertionError(f"the command ended without saying {words!r}")


def test_alone_it_ends_with_a_truthful_summary_and_nothing_left_behind(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary files"
    ran = subprocess.run(
        [COMMAND, "--report", str(tmp_path / "report.json")],
        env=environment(temporary),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert processes_of(temporary) == []
    assert list(temporary.glob(f"{PREFIX}*")) == []
    report = json.loads((tmp_path / "report.json").read_bytes())
    by_domain = {site["domain"]: site for site in report["domains"]}
    for site in shipped.read():
        found = by_domain[site.domain]
        errors = {workflow for workflow, status in found["statuses"].items() if status == "Error"}
        assert (site.name, found["pages"], errors) == (
            site.name,
            site.manifest.expect.pages,
            set(site.manifest.expect.errors),
        )
        for workflow, code in site.manifest.expect.errors.items():
            assert found["error"].startswith(f"{workflow}: {code}: ")
            assert f"{workflow} · {code}" in ran.stdout
            assert normalise_host(site.domain) in ran.stdout
    for workflow, codes in report["outcomes"].items():
        for code, number in codes.items():
            assert f"{number} {code}" in ran.stdout, (workflow, code)
    assert f"{report['totals']['pages']} pages" in ran.stdout


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGINT, "The stack is deployed"),
        (signal.SIGTERM, "The stack is deployed"),
        (signal.SIGTERM, "Bringing up"),
    ],
)
def test_a_signal_stops_everything_it_started(tmp_path: Path, number: signal.Signals, moment: str) -> None:
    temporary = tmp_path / "temporary files"
    with subprocess.Popen(
        [COMMAND, "--keep"], env=environment(temporary), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line_with(moment, process.stdout)
        process.send_signal(number)
        assert process.wait() == 128 + number
    assert processes_of(temporary) == []
    assert list(temporary.glob(f"{PREFIX}*")) == []


def test_a_folder_that_is_no_corpus_is_an_error_that_says_what_is_wanted(tmp_path: Path) -> None:
    ran = subprocess.run([COMMAND, "--sites", str(tmp_path)], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "a folder with sites.jsonl is wanted" in ran.stdout
