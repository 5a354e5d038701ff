"""The run's own folder, and the names that it shares with the stack."""

import fcntl
from pathlib import Path

from infra.config import LOCAL
from scripts.commands.run import system
from scripts.commands.run.system import LOCK, PREFIX, run_folder


def test_two_runs_have_two_folders_and_each_removes_its_own(tmp_path: Path) -> None:
    with run_folder(tmp_path) as first:
        with run_folder(tmp_path) as second:
            assert first != second
            (second / "deep").mkdir()
        assert not second.exists()
        assert first.exists()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_killed_run_is_removed_and_one_in_use_is_not(tmp_path: Path) -> None:
    left, used, unfinished = (tmp_path / f"{PREFIX}{name}" for name in ("left", "used", "unfinished"))
    for folder in (left, used, unfinished):
        folder.mkdir()
    (left / LOCK).touch()
    with (used / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with run_folder(tmp_path):
            assert not left.exists()
            assert used.exists()
            assert unfinished.exists()


def test_the_names_of_the_stage_are_those_of_the_stack() -> None:
    assert (LOCAL.name, LOCAL.stack) == (system.STAGE, system.STACK)
    assert (LOCAL.database_secret, LOCAL.places_secret) == (system.DATABASE_SECRET, system.PLACES_SECRET)
