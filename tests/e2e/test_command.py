"""The command ``scripts/run`` as a person uses it."""

import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import pytest

from scripts.commands.run.system import PREFIX

pytestmark = pytest.mark.timeout(400)

COMMAND = Path(__file__).parents[2] / "scripts" / "run"
EXIT_SECONDS = 120
CTRL_C = b"\x03"


def environment(temporary: Path) -> Mapping[str, str]:
    """Return this environment, with ``temporary`` as the folder for temporary files, and a browser that only prints."""
    temporary.mkdir(exist_ok=True)
    return {**os.environ, "TMPDIR": str(temporary), "TERM": "xterm", "BROWSER": "echo the browser opens %s"}


def processes_of(temporary: Path) -> list[str]:
    """Return the command lines of all processes that have the run's folder in their arguments or environment."""
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


def assert_nothing_is_left(temporary: Path) -> None:
    """Fail when a process or a folder of the run is left."""
    assert processes_of(temporary) == []
    assert list(temporary.glob(f"{PREFIX}*")) == []


def line_with(words: str, output: IO[str]) -> str:
    """Return the first line with ``words``."""
    for line in output:
        if words in line:
            return line
    raise AssertionError(f"the command ended without printing {words!r}")


class Terminal:
    """A terminal in which the command runs; what it shows is ``screen``."""

    def __init__(self, temporary: Path, *arguments: str) -> None:
        self.screen = ""
        self._end, other = pty.openpty()
        self.process = subprocess.Popen(
            [COMMAND, *arguments],
            env=environment(temporary),
            stdin=other,
            stdout=other,
            stderr=other,
            preexec_fn=self._own_terminal,  # noqa: PLW1509  one thread
        )
        os.close(other)

    def press(self, key: bytes) -> None:
        """Send ``key`` to the command, as a keyboard does."""
        os.write(self._end, key)

    def read(self, *, until: str = "", seconds: float = EXIT_SECONDS) -> bool:
        """Read until ``until`` is on the screen or ``seconds`` are over; return False when the command has ended."""
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up and not (until and until in self.screen):
            if select.select([self._end], [], [], max(0.0, give_up - time.monotonic()))[0]:
                try:
                    part = os.read(self._end, 65_536)
                except OSError:  # Linux: the other end is closed
                    return False
                self.screen += part.decode(errors="replace")
        return True

    @staticmethod
    def _own_terminal() -> None:
        """Make the pty the controlling terminal, so that Ctrl-C reaches the whole process group."""
        os.setsid()
        os.close(os.open(os.ttyname(0), os.O_RDWR))


IN_THE_SHELL = (0.05, 0.2)


def test_it_ends_with_a_summary_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """A search in a town that does not exist ends at once; ``test_summary.py`` checks what a run finds."""
    temporary = tmp_path / "temporary files"
    files = ["--report", str(tmp_path / "report.json"), "--leads", str(tmp_path / "leads.csv")]
    ran = subprocess.run(
        [COMMAND, "--search", "bakeries in Nowhere", *files],
        env=environment(temporary),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert_nothing_is_left(temporary)
    assert "place_search · no_such_area" in ran.stdout
    assert "0 pages" in ran.stdout
    report = json.loads((tmp_path / "report.json").read_bytes())
    assert report["outcomes"]["place_search"] == {"no_such_area": 1}
    (header,) = (tmp_path / "leads.csv").read_text(encoding="utf-8-sig").splitlines()
    assert header.startswith("business,address,domain,kind,")


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGTERM, "without their own"),
        (signal.SIGHUP, "starting the emulated AWS"),
    ],
)
def test_a_signal_stops_everything_that_was_started(tmp_path: Path, number: signal.Signals, moment: str) -> None:
    temporary = tmp_path / "temporary files"
    with subprocess.Popen(
        [COMMAND, "--keep"],
        env=environment(temporary),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        line_with(moment, process.stdout)
        process.send_signal(number)
        assert "Traceback" not in process.stdout.read()
        assert process.wait() == 128 + number
    assert_nothing_is_left(temporary)


@pytest.mark.parametrize(
    "moment", [*IN_THE_SHELL, 1.0, 3.0, "deploying the stack", "the browser opens http://127.0.0.1:"]
)
def test_ctrl_c_ends_it_without_a_traceback_at_any_moment(tmp_path: Path, moment: float | str) -> None:
    temporary, sites = tmp_path / "temporary files", tmp_path / "sites"
    (sites / "sites" / "shop").mkdir(parents=True)
    (sites / "sites.jsonl").write_text('{"domain": "shop.example", "dir": "shop"}')
    (sites / "sites" / "shop" / "index.html").write_text("<title>Shop</title>")
    terminal = Terminal(temporary, "--open", "--sites", str(sites))
    if isinstance(moment, str):
        assert terminal.read(until=moment, seconds=600), terminal.screen
    else:
        terminal.read(seconds=moment)
    terminal.press(CTRL_C)
    if moment in IN_THE_SHELL and terminal.read(seconds=10):
        terminal.press(CTRL_C)  # dash loses a signal that arrives just before it becomes another program
    terminal.read()
    assert terminal.process.wait(EXIT_SECONDS) in {128 + signal.SIGINT, -signal.SIGINT}, terminal.screen
    for word in ("Traceback", "Exception ignored", "KeyboardInterrupt"):
        assert word not in terminal.screen, terminal.screen
    assert_nothing_is_left(temporary)


def test_a_folder_without_sites_jsonl_is_an_error_with_the_expected_layout(tmp_path: Path) -> None:
    ran = subprocess.run([COMMAND, "--sites", str(tmp_path)], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "--sites needs a folder with a file sites.jsonl" in ran.stderr


@pytest.mark.parametrize("url", ["garbage", "postgresql://user:password@127.0.0.1:1/name"])
def test_a_bad_database_url_is_one_clear_line(tmp_path: Path, url: str) -> None:
    ran = subprocess.run(
        [COMMAND], env={**environment(tmp_path), "DATABASE_URL": url}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert len(ran.stderr.splitlines()) == 1
    assert "database" in ran.stderr
    assert "password" not in ran.stderr


def test_the_help_can_be_piped_to_a_reader_that_stops_early() -> None:
    ran = subprocess.run(f"'{COMMAND}' --help | head -1", shell=True, capture_output=True, text=True, check=False)
    assert ran.stdout.startswith("usage: scripts/run")
    assert ran.stderr == ""
