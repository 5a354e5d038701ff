"""What the benchmarks are made of: spreads, tables, charts, pages, and processes that are heard."""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from scripts.commands.bench import chart, page
from scripts.commands.bench.child import Child, ContenderFailed
from scripts.commands.bench.page import NoPlace, fill
from scripts.commands.bench.spread import Spread, percentile, shown
from scripts.commands.bench.table import markdown


def test_a_spread_is_the_median_and_the_extremes() -> None:
    assert Spread.of([3, 1, 2, 9]).as_json() == {"median": 2.5, "low": 1, "high": 9}
    with pytest.raises(ValueError, match="at least one measurement"):
        Spread.of([])


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 50), (0.95, 95), (1.0, 100)])
def test_a_percentile_is_a_value_that_was_measured(share: float, value: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == value


@pytest.mark.parametrize(("value", "said"), [(0, "0"), (0.12345, "0.123"), (12.345, "12.3"), (98_765, "98,800")])
def test_a_reader_gets_three_digits(value: float, said: str) -> None:
    assert shown(value) == said


def test_a_table_is_markdown_with_aligned_columns() -> None:
    assert markdown(("name", "n"), [("a", "1"), ("longer", "22")]).splitlines() == [
        "| name   |  n |",
        "|--------|---:|",
        "| a      |  1 |",
        "| longer | 22 |",
    ]


def test_charts_are_xml_whatever_the_names() -> None:
    drawn = chart.bars("a < b & c", {"<ours>": (2, 1, 3), "none": (0, 0, 0)}, "/s", ["<ours>"])
    lined = chart.lines("growth", {"a&b": [(10, 0.1), (1_000, 5)], "c": [(10, 2)]}, "x", "y")
    for svg in (drawn, lined):
        assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert "&lt;ours&gt;" in drawn


def test_only_the_places_of_a_page_are_filled() -> None:
    text = "Mine.\n<!-- a -->\nold \\1\n<!-- /a -->\nMine too.\n"
    assert fill(text, {"a": "new \\1"}) == "Mine.\n<!-- a -->\nnew \\1\n<!-- /a -->\nMine too.\n"
    assert fill(fill(text, {"a": "x"}), {"a": "y"}) == fill(text, {"a": "y"})
    with pytest.raises(NoPlace, match="<!-- b -->"):
        fill(text, {"b": "lost"})


def test_the_pages_say_what_their_results_say() -> None:
    """A rerun fills the pages; nobody may edit a number by hand, nor forget to commit one of the two."""
    for file in sorted(page.PAGES.glob("*.json")):
        text = file.with_suffix(".md").read_text(encoding="utf-8")
        measured = json.loads(file.read_text(encoding="utf-8"))["machine"]["measured_on"]
        assert measured in text, f"{file.stem}.md was not filled from {file.name}: run scripts/bench/{file.stem}"


def test_a_contender_that_breaks_is_quoted() -> None:
    with pytest.raises(ContenderFailed, match="No module named 'nobody'"):
        Child.start(sys.executable, "nobody", "work").told()
    with pytest.raises(ContenderFailed, match="never got ready"):
        Child.start(sys.executable, "scripts.commands.bench.spread", "nothing").ready()


def test_every_chart_of_a_page_is_there_and_told_in_words() -> None:
    for file in sorted(page.PAGES.glob("*.md")):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("!["):
                words, _, target = line.removeprefix("![").removesuffix(")").partition("](")
                assert len(words) > 40, f"{file.name}: {target} needs words for who cannot see it"
                assert (Path(page.PAGES) / target).is_file()
