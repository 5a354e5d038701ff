"""One route that leads everywhere takes no time from the others."""

from pathlib import Path

import pytest

from scripts.commands.crosswalk.audit import machine
from scripts.commands.crosswalk.audit.analysis import analyse
from scripts.commands.crosswalk.audit.coverage import coverage_text
from scripts.commands.crosswalk.audit.rules import find

GREEDY = """
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()


def job():
    return 1


@app.post("/a-greedy-one")
async def greedy():
    deep_0("x")


@app.post("/z-modest-one")
async def modest(tasks: BackgroundTasks):
    tasks.add_task(job)
"""


def test_a_route_that_leads_everywhere_is_noted_and_the_next_one_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "MAX_STEPS", 2_000)
    monkeypatch.setattr(machine, "ROUTE_STEPS", 200)
    helpers = "\n".join(
        f"def deep_{i}(word):\n    deep_{i + 1}(word + 'a')\n    deep_{i + 1}(word + 'b')\n" for i in range(30)
    )
    (tmp_path / "app.py").write_text(f"{GREEDY}\n{helpers}\ndef deep_30(word):\n    return word\n")
    analysis = analyse([tmp_path])
    assert [finding.rule.code for finding in find(analysis)] == ["SKY203"]
    (note,) = analysis.notes
    assert note[2].startswith("POST /a-greedy-one: followed for 2")
    assert "1 route not followed to the end" in coverage_text(analysis.coverage)
