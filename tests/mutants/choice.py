"""Which tests can notice a mutant, and in which order: those that call the changed code, the likeliest and quickest first."""

import json
import re
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from types import CodeType, FrameType

import pytest

from tests.mutants.mutant import LAYER, ROOT, Mutant, Trial

IMPORTS = re.compile(r"^from scrapersky\.([\w.]+) import", re.MULTILINE)
OWN = str(ROOT / LAYER) + "/"


class Observer:
    """A plugin of pytest that notes which functions of the layer each test calls, and how long it takes."""

    def __init__(self) -> None:
        self.called: dict[str, set[str]] = {}
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []
        self._names: dict[CodeType, str | None] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Run the test with a trace of its calls."""
        called: set[str] = set()

        def note(frame: FrameType, _: str, __: object) -> None:
            if (name := self._name(frame.f_code)) is not None:
                called.add(name)

        began = time.monotonic()
        threading.settrace(note)
        sys.settrace(note)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)
            self.seconds[item.nodeid] = time.monotonic() - began
            self.called[item.nodeid] = called

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure."""
        if report.failed:
            self.failed.append(report.nodeid)

    def _name(self, code: CodeType) -> str | None:
        """Return ``folder/module.qualified_name`` of a function of the layer."""
        if code not in self._names:
            file = code.co_filename
            own = file.startswith(OWN)
            self._names[code] = f"{file.removeprefix(OWN).removesuffix('.py')}.{code.co_qualname}" if own else None
        return self._names[code]

    def as_json(self) -> str:
        """Return what was noted."""
        return json.dumps([{test: sorted(called) for test, called in self.called.items()}, self.seconds, self.failed])

    @classmethod
    def of_json(cls, content: str) -> "Observer":
        """Return the observer with what :meth:`as_json` returned."""
        observer = cls()
        called, observer.seconds, observer.failed = json.loads(content)
        observer.called = {test: set(names) for test, names in called.items()}
        return observer


class Order:
    """The order of the tests for each mutant. Tests that killed mutants of the same scope come first, then of the file."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._killers: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def of(self, mutant: Mutant) -> list[str]:
        """Return the tests that can notice ``mutant``."""
        seconds, (scope, module) = self._observer.seconds, _place(mutant)
        able = [test for test in seconds if self._can_notice(test, mutant, scope, module)]
        able = [test for test in able if test not in self._observer.failed]
        kills = self._killers
        return sorted(able, key=lambda test: (-kills[scope][test], -kills[module][test], seconds[test]))

    def learn(self, trial: Trial) -> Trial:
        """Note the killer of ``trial`` and return it."""
        if trial.killer:
            for place in _place(trial.mutant):
                self._killers[place][trial.killer] += 1
        return trial

    def _can_notice(self, test: str, mutant: Mutant, scope: str, module: str) -> bool:
        called = self._observer.called[test]
        if any(name == scope or name.startswith(f"{scope}.") for name in called):
            return True
        if any(scope in all_called for all_called in self._observer.called.values()):
            return False  # a function that other tests call
        # A constant, a statement, or the schema: the tests that are named for its file.
        if not test.startswith(tuple(mutant.tests)):
            return False
        users = users_of(module)
        return not users or any(name.partition(".")[0] in users for name in called)


def _place(mutant: Mutant) -> tuple[str, str]:
    """Return the changed scope, such as ``status/pull.find_pulled``, and its module."""
    (change,) = mutant.edits
    return mutant.guard.partition(": ")[0], change.file.removeprefix(f"{LAYER}/").removesuffix(".py")


def users_of(module: str) -> set[str]:
    """Return ``module`` and those modules of the layer that import it; nothing for a file of SQL."""
    path = ROOT / LAYER / f"{module}.py"
    if not path.is_file():
        return set()
    dotted = module.replace("/", ".")
    files = [file for folder in ("status", "runtime") for file in (ROOT / LAYER / folder).glob("*.py")]
    importing = [file for file in files if dotted in IMPORTS.findall(file.read_text())]
    return {str(file.relative_to(ROOT / LAYER)).removesuffix(".py") for file in [path, *importing]}


class OnlyThese:
    """A plugin of pytest that runs only ``tests``, in their order."""

    def __init__(self, tests: Sequence[str]) -> None:
        self._place = {test: number for number, test in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Deselect and sort."""
        chosen = [item for item in items if item.nodeid in self._place]
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in self._place])
        items[:] = sorted(chosen, key=lambda item: self._place[item.nodeid])
