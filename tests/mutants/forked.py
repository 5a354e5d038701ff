"""Try mutants of Python files in forked processes that share one Postgres: each trial costs its tests and no start.

A child replaces the code of the loaded functions, and the constants, by those of the mutated source. Objects that other
modules have imported stay the same, so classes can still be compared.
"""

import functools
import importlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest
from sqlalchemy import TextClause, create_engine, text
from sqlalchemy.pool import NullPool

from scrapersky import migrations
from scrapersky.status import workflow
from scripts.commands.run.postgres import Postgres
from tests.mutants.mutant import FAILED_TEST, LAYER, ROOT, TEST_LIMIT_SECONDS, Mutant, Trial

MASTER = "master"
"""The migrated database that each child copies. Nothing connects to it."""
OPTIONS = ("-x", "-q", "--tb=no", "-n0", "-p", "no:cacheprovider", "-o", f"timeout={TEST_LIMIT_SECONDS}")
KEPT = 4
"""Databases of the last tests that a child keeps."""


def try_all_forked(mutants: Sequence[Mutant], at_once: int) -> Iterator[Trial]:
    """Yield the trials as they end, at most ``at_once`` at a time."""
    if not mutants:
        return
    with tempfile.TemporaryDirectory() as directory, Postgres.start(Path(directory) / "postgres") as server:
        engine = create_engine(server.create_database(MASTER), poolclass=NullPool)
        with engine.begin() as connection:
            migrations.upgrade(connection)
        engine.dispose()
        pytest.main([*OPTIONS, "--collect-only", "-qq", *sorted({test for mutant in mutants for test in mutant.tests})])
        running: dict[int, tuple[int, Mutant, float]] = {}
        for number, mutant in enumerate(mutants):
            if len(running) == at_once:
                yield _ended(server, running, Path(directory))
            running[_fork(server, mutant, number, Path(directory))] = (number, mutant, time.monotonic())
        while running:
            yield _ended(server, running, Path(directory))


def _fork(server: Postgres, mutant: Mutant, number: int, directory: Path) -> int:
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        with (directory / f"{number}.txt").open("wb") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        apply_here(mutant)
        Postgres.start = _shared(server, f"m{number}_")  # type: ignore[method-assign]
        code = int(pytest.main([*OPTIONS, *mutant.tests]))
        sys.stdout.flush()
    finally:
        os._exit(code)


def _ended(server: Postgres, running: dict[int, tuple[int, Mutant, float]], directory: Path) -> Trial:
    child, status = os.wait()
    number, mutant, began = running.pop(child)
    code = os.waitstatus_to_exitcode(status)
    output = (directory / f"{number}.txt").read_text(errors="replace")
    _drop(server, f"m{number}_")
    seconds, killer = time.monotonic() - began, FAILED_TEST.search(output)
    if code == 1 and killer:
        return Trial(mutant, killer[1], None, seconds)
    return Trial(mutant, None, None if code == 0 else f"pytest ended with {code}: {output[-1500:]}", seconds)


def _shared(server: Postgres, prefix: str) -> Callable[..., Any]:
    """Return what starts Postgres in a child: the parent's server, with databases of its own."""

    made: list[str] = []

    class Shared(Postgres):
        def create_database(self, name: str, template: str | None = None) -> str:
            made.append(prefix + name)
            if template and len(made) > KEPT:
                self.drop_database(made.pop(1))  # the first is the template
            return super().create_database(prefix + name, prefix + template if template else MASTER)

    @contextmanager
    def start(*_: object, **__: object) -> Iterator[Postgres]:
        yield Shared(server.port, server.password, server._restart)

    return start


def _drop(server: Postgres, prefix: str) -> None:
    engine = create_engine(server.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        names = connection.execute(
            text("SELECT datname FROM pg_database WHERE starts_with(datname, :p)"), {"p": prefix}
        )
        for name in list(names.scalars()):
            server.drop_database(name)
    engine.dispose()


def apply_here(mutant: Mutant) -> None:
    """Apply ``mutant``, whose change is in a module of the layer, to this process."""
    (change,) = mutant.edits
    source = change.apply((ROOT / change.file).read_text())
    name = change.file.removeprefix(f"{Path(LAYER).parent}/").removesuffix(".py").replace("/", ".")
    _replace(importlib.import_module(name), source)
    workflow._statement.cache_clear()


def _replace(module: ModuleType, source: str) -> None:
    mutated: dict[str, Any] = {"__name__": module.__name__, "__file__": module.__file__}
    exec(compile(source, str(module.__file__), "exec"), mutated)
    for name, old in list(vars(module).items()):
        new = mutated.get(name)
        if isinstance(old, type) and old.__module__ == module.__name__:
            for attribute, function in vars(old).items():
                _replace_code(function, vars(new).get(attribute))
        elif _function(old) is not None:
            if getattr(old, "__module__", None) == module.__name__:
                _replace_code(old, new)
        elif isinstance(old, str | int | float | TextClause | Mapping):
            setattr(module, name, new)


def _replace_code(old: object, new: object) -> None:
    before, after = _function(old), _function(new)
    if before is not None and after is not None and before.__code__.co_freevars == after.__code__.co_freevars:
        before.__code__ = after.__code__


def _function(given: object) -> FunctionType | None:
    """Return the function behind decorators and descriptors."""
    match given:
        case FunctionType():
            return _function(given.__wrapped__) if hasattr(given, "__wrapped__") else given
        case property():
            return _function(given.fget)
        case functools.cached_property():
            return _function(given.func)
        case staticmethod() | classmethod():
            return _function(given.__func__)
        case _:
            return _function(given.__wrapped__) if hasattr(given, "__wrapped__") else None
