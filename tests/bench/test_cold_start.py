"""The bench of cold starts, for one service."""

import json
from pathlib import Path

from scripts.commands.bench.cold_start.__main__ import main


def test_the_bench_of_cold_starts_tells_a_tick_from_a_batch(tmp_path: Path) -> None:
    places = ("machine", "cold-start", "cold-start-chart")
    (tmp_path / "cold-start.md").write_text(
        "".join(f"<!-- {name} -->\nOLD TEXT\n<!-- /{name} -->\n" for name in places)
    )

    small = ["--rounds=1", "--handlers", "domain-sitemap-submission", "--own-only"]
    assert main([*small, "--output", str(tmp_path)]) == 0

    starts = json.loads((tmp_path / "cold-start.json").read_text())["starts"]
    assert list(starts) == [f"domain-sitemap-submission, {event}" for event in ("tick", "batch", "work")]
    assert all(one["import_ms"]["median"] > 0 and one["first_ms"]["median"] > 0 for one in starts.values())
    assert "OLD TEXT" not in (tmp_path / "cold-start.md").read_text()
