"""The benchmark of cold starts, for one service."""

import json
from pathlib import Path

from scripts.commands.bench.cold_start.__main__ import main


def test_a_tick_a_batch_and_work_are_measured_separately(tmp_path: Path) -> None:
    page, result = tmp_path / "cold-start.md", tmp_path / "result.json"
    page.write_text("<!-- results -->\nOLD TEXT\n<!-- /results -->\n")
    small = ["--rounds=1", "--handlers", "domain-sitemap-submission", "--own-only"]
    assert main([*small, "--publish", str(tmp_path), "--json", str(result)]) == 0

    starts = json.loads(result.read_text())["starts"]
    assert list(starts) == [f"domain-sitemap-submission, {event}" for event in ("tick", "batch", "work")]
    assert all(one["import_ms"]["median"] > 0 and one["first_ms"]["median"] > 0 for one in starts.values())
    assert "OLD TEXT" not in page.read_text()
