"""The table of import times has every function."""

from pathlib import Path

from scripts.commands.bench.imports.__main__ import entry_points

FUNCTIONS = Path(__file__).parents[2] / "functions"


def test_every_function_is_measured_and_each_service_at_its_tick_and_its_batch() -> None:
    measured = [(one.function, one.name) for one in entry_points()]
    handlers = {file.parent.name.replace("_", "-") for file in FUNCTIONS.glob("*/handler.py")}
    assert {function for function, _ in measured} == handlers
    assert len(set(measured)) == len(measured)
    assert {function for function, name in measured if name == "tick"} < {
        function for function, name in measured if name == "batch"
    }
