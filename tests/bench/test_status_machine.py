"""The bench of the status machine, as small as it goes, with our own contenders."""

import json
from pathlib import Path

from scripts.commands.bench.status_machine.__main__ import main


def test_the_bench_of_the_status_machine_writes_its_result_its_charts_and_its_tables(tmp_path: Path) -> None:
    small = ["--records=20", "--rounds=1", "--workers=1", "--rows=60", "--claims=1", "--snapshot-records=20"]
    (tmp_path / "status-machine.md").write_text(
        "".join(
            f"<!-- {name} -->\nOLD TEXT\n<!-- /{name} -->\n"
            for name in ("machine", "drain", "drain-chart", "growth", "growth-chart", "snapshot")
        )
    )

    assert main([*small, "--own-only", "--without-durability", "--output", str(tmp_path)]) == 0

    result = json.loads((tmp_path / "status-machine.json").read_text())
    assert list(result["drain"]) == ["ours, by tens", "ours, by fifties", "ours, the whole runtime, by tens"]
    assert result["growth"]["ours, by fifties"][0]["rows"] == 60
    page = (tmp_path / "status-machine.md").read_text()
    assert "OLD TEXT" not in page
    assert "| ours, by tens" in page
    assert (tmp_path / "status-machine-drain.svg").read_text().startswith("<svg")
