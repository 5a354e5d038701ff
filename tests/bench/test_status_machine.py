"""The benchmark of the status machine in its smallest form, with our own contenders."""

import json
from pathlib import Path

from scripts.commands.bench.status_machine.__main__ import main


def test_a_run_prints_its_tables_and_fills_its_page(tmp_path: Path) -> None:
    page, result = tmp_path / "status-machine.md", tmp_path / "result.json"
    page.write_text("<!-- results -->\nOLD TEXT\n<!-- /results -->\n")
    small = ["--records=20", "--rounds=1", "--workers=1", "--rows=60", "--claims=1", "--snapshot-records=20"]
    options = ["--own-only", "--without-durability", "--publish", str(tmp_path), "--json", str(result)]
    assert main([*small, *options]) == 0

    measured = json.loads(result.read_text())
    assert list(measured["drain"]) == ["ours, by tens", "ours, by fifties", "ours, the whole runtime, by tens"]
    assert measured["growth"]["ours, by fifties"][0]["rows"] == 60
    text = page.read_text()
    assert "OLD TEXT" not in text
    assert "| ours, by tens" in text
