"""The run's own folder."""

import fcntl
from pathlib import Path

from scripts.commands.run.folder import LOCK, PREFIX, own_folder


def test_two_runs_have_two_folders_and_each_removes_its_own(tmp_path: Path) -> None:
    with own_folder(tmp_path) as first:
        with own_folder(tmp_path) as second:
            assert first != second
            (second / "deep").mkdir()
        assert not second.exists()
        assert first.exists()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_swept_away_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    left, used, unfinished = (tmp_path / f"{PREFIX}{name}" for name in ("left", "used", "unfinished"))
    for folder in (left, used, unfinished):
        folder.mkdir()
    (left / LOCK).touch()
    with (used / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with own_folder(tmp_path):
            assert not left.exists()
            assert used.exists()
            assert unfinished.exists()
