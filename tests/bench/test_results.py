"""The parts that all benchmarks share: spreads, tables, pages, rounds, and contenders' processes."""

import re
import sys

import pytest

from scripts.commands.bench.child import Child, ContenderFailed
from scripts.commands.bench.command import PAGES, NoResults, fill, interleaved
from scripts.commands.bench.peers import LOCK, ROOT
from scripts.commands.bench.results import Spread, markdown, percentile, shown


def test_a_spread_is_the_median_and_the_extremes() -> None:
    assert Spread.of([3, 1, 2, 9]).as_json() == {"median": 2.5, "low": 1, "high": 9}
    with pytest.raises(ValueError, match="at least one measurement"):
        Spread.of([])


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 50), (0.95, 95), (1.0, 100)])
def test_a_percentile_is_a_measured_value(share: float, value: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == value


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (0.12345, "0.123"), (12.345, "12.3"), (98_765, "98,800")])
def test_numbers_are_shown_with_three_digits(value: float, text: str) -> None:
    assert shown(value) == text


def test_a_table_is_markdown_with_aligned_columns() -> None:
    assert markdown(("name", "n"), [("a", "1"), ("longer", "22")]).splitlines() == [
        "| name   |  n |",
        "|--------|---:|",
        "| a      |  1 |",
        "| longer | 22 |",
    ]


def test_each_round_starts_with_another_contender() -> None:
    assert list(interleaved("abc", 2)) == [(1, "a"), (1, "b"), (1, "c"), (2, "b"), (2, "c"), (2, "a")]


def test_only_the_results_of_a_page_are_replaced() -> None:
    text = "Before.\n<!-- results -->\nold \\1\n<!-- /results -->\nAfter.\n"
    assert fill(text, "new \\1") == "Before.\n<!-- results -->\nnew \\1\n<!-- /results -->\nAfter.\n"
    assert fill(fill(text, "x"), "y") == fill(text, "y")
    with pytest.raises(NoResults, match="<!-- results -->"):
        fill("Nothing.", "lost")


@pytest.mark.parametrize("name", ["status-machine", "sitemaps", "cold-start", "pipeline"])
def test_every_benchmark_has_a_page_for_its_results(name: str) -> None:
    assert "Measured on" in (PAGES / f"{name}.md").read_text(encoding="utf-8")
    fill((PAGES / f"{name}.md").read_text(encoding="utf-8"), "")


def test_the_peers_environment_has_what_our_functions_import() -> None:
    own = (ROOT / "layers" / "dependencies" / "requirements.lock").read_text(encoding="utf-8")
    assert pinned(own) <= pinned(LOCK.read_text(encoding="utf-8"))


def pinned(lock: str) -> set[str]:
    """Return the ``name==version`` of each requirement in a lock file."""
    return set(re.findall(r"^[a-z][\w.-]*==[\w.]+", lock, re.MULTILINE))


def test_the_error_of_a_failed_contender_quotes_its_output() -> None:
    with pytest.raises(ContenderFailed, match="No module named 'missing_module'"):
        Child.start(sys.executable, "missing_module", "work").answer()
    with pytest.raises(ContenderFailed, match="never got ready"):
        Child.start(sys.executable, "scripts.commands.bench.results", "nothing").ready()
