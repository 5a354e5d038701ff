"""The command that simulates, on results of a size that nobody would believe."""

import json
from pathlib import Path

from scripts.simulation.__main__ import main


def test_simulating_without_measurements_says_so_and_answers_all_the_same(tmp_path: Path) -> None:
    for page, places in {
        "simulation": ("machine", "scenarios", "scenarios-chart", "check"),
        "cost": ("machine", "cost", "cost-chart", "pages"),
    }.items():
        (tmp_path / f"{page}.md").write_text(
            "".join(f"<!-- {name} -->\nOLD TEXT\n<!-- /{name} -->\n" for name in places)
        )

    assert main(["--window=60", "--records=500", "--output", str(tmp_path)]) == 0

    text = (tmp_path / "simulation.md").read_text()
    assert "a guess: nothing was measured" in text
    assert "OLD TEXT" not in text + (tmp_path / "cost.md").read_text()
    first = json.loads((tmp_path / "simulation.json").read_text())["scenarios"][0]
    assert first["name"] == "the defaults"
    rows = json.loads((tmp_path / "cost.json").read_text())["rows"]
    assert all(row["cheaper"] == 1 for row in rows if row["way"] == "one record an invocation")
