"""Try generated mutants in forked processes that share one Postgres: each trial costs its tests and no start.

A child replaces the code of the loaded functions, and the constants, by those of the mutated source. Objects that other
modules have imported stay the same, so classes can still be compared.
"""

import functools
import hashlib
import importlib
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest
from sqlalchemy import TextClause, create_engine, text
from sqlalchemy.pool import NullPool

from scrapersky import migrations
from scrapersky.migrations import guard
from scrapersky.status import workflow
from scripts.commands.run.postgres import Postgres
from tests.mutants.choice import Observer, OnlyThese, Order, users_of
from tests.mutants.mutant import FAILED_TEST, LAYER, ROOT, TEST_LIMIT_SECONDS, Mutant, Trial

LOCATION = migrations.LOCATION
QUIET = {"autovacuum": "off"}
OBSERVED = ROOT / ".local" / "mutants"
"""What was observed of the tests, by a hash of the code and the tests."""
MASTER = "master"
"""The migrated database that each child copies. Nothing connects to it."""
OPTIONS = ("-q", "--tb=no", "-n0", "-p", "no:cacheprovider", "-o", f"timeout={TEST_LIMIT_SECONDS}")
KEPT = 4
"""Databases of the last tests that a child keeps."""


class Refused(RuntimeError):
    """The tests fail without any mutant; the message is their output."""


def try_all_forked(mutants: Sequence[Mutant], at_once: int) -> Iterator[Trial]:
    """Yield the trials as they end, at most ``at_once`` at a time. Raises :class:`Refused`."""
    if not mutants:
        return
    with tempfile.TemporaryDirectory() as folder, Postgres.start(Path(folder) / "postgres", settings=QUIET) as server:
        directory = Path(folder)
        engine = create_engine(server.create_database(MASTER), poolclass=NullPool)
        with engine.begin() as connection:
            migrations.upgrade(connection)
        engine.dispose()
        observer = _observe(server, sorted({test for mutant in mutants for test in mutant.tests}), directory)
        for test in observer.failed:
            print(f"left out, because it fails without a mutant: {test}", flush=True)
        order = Order(observer)
        running: dict[int, tuple[int, Mutant, float]] = {}
        for number, mutant in enumerate(mutants):
            if len(running) == at_once:
                yield order.learn(_ended(server, running, directory))
            child = _fork(server, f"m{number}_", directory, partial(_try, mutant, order))
            running[child] = (number, mutant, time.monotonic())
        while running:
            yield order.learn(_ended(server, running, directory))


def _observe(server: Postgres, tests: Sequence[str], directory: Path) -> Observer:
    """Return what is observed when all ``tests`` run without a mutant: in an earlier run of the same code, or now."""
    kept = OBSERVED / f"{_hash_of([ROOT / LAYER, ROOT / 'tests'], tests)}.json"
    # Collected here, so that no child has to import the tests. They are run in a child, which leaves nothing behind.
    pytest.main([*OPTIONS, "--collect-only", "-qq", *tests])
    if not kept.is_file():

        def run(_: str) -> int:
            observer = Observer()
            pytest.main([*OPTIONS, *tests], plugins=[observer])
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(observer.as_json())
            return 0

        began = time.monotonic()
        os.waitpid(_fork(server, "all_", directory, run), 0)
        _drop(server, "all_")
        if not kept.is_file():
            raise Refused((directory / "all_.txt").read_text(errors="replace"))
        print(f"ran the tests without a mutant, in {time.monotonic() - began:.0f} s", flush=True)
    return Observer.of_json(kept.read_text())


def _hash_of(folders: Iterable[Path], tests: Iterable[str]) -> str:
    found = hashlib.sha256("\n".join(tests).encode())
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".sql"):
                found.update(path.read_bytes())
    return found.hexdigest()[:16]


def _try(mutant: Mutant, order: Order, _: str) -> int:
    apply_here(mutant)
    tests = order.of(mutant)
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    return int(pytest.main(["-x", *OPTIONS, *files], plugins=[OnlyThese(tests)]))


def _fork(server: Postgres, prefix: str, directory: Path, run: Callable[[str], int]) -> int:
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        with (directory / f"{prefix}.txt").open("wb") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        Postgres.start = _shared(server, prefix)  # type: ignore[method-assign]
        code = run(prefix)
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _ended(server: Postgres, running: dict[int, tuple[int, Mutant, float]], directory: Path) -> Trial:
    child, status = os.wait()
    number, mutant, began = running.pop(child)
    code = os.waitstatus_to_exitcode(status)
    output = (directory / f"m{number}_.txt").read_text(errors="replace")
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
            # A mutant of the schema migrates an empty database.
            source = prefix + template if template else MASTER if migrations.LOCATION == LOCATION else None
            return super().create_database(prefix + name, source)

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
    """Apply ``mutant``, whose change is in a module of the layer or in its schema, to this process."""
    (change,) = mutant.edits
    source = change.apply((ROOT / change.file).read_text())
    if change.file.endswith(".sql"):
        copy = Path(tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))) / "migrations"
        shutil.copytree(LOCATION, copy, ignore=shutil.ignore_patterns("__pycache__"))
        (copy / (ROOT / change.file).relative_to(LOCATION)).write_text(source)
        migrations.LOCATION, guard.FILE = copy, copy / guard.FILE.name
        return
    name = change.file.removeprefix(f"{LAYER}/").removesuffix(".py")
    _replace(_module(name), source)
    replaced = [name]
    for one in replaced:
        for user in sorted(users_of(one) - {*replaced}):
            _evaluate_again(_module(user))
            replaced.append(user)
    workflow._statement.cache_clear()


def _module(name: str) -> ModuleType:
    """Return the module of the layer's file ``name``, such as ``status/pull``."""
    return importlib.import_module(f"{Path(LAYER).name}.{name}".replace("/", "."))


def _evaluate_again(module: ModuleType) -> None:
    """Set the statements and numbers that ``module`` imports or builds from those of a replaced module."""
    again = _evaluated(module, Path(str(module.__file__)).read_text())
    for name, old in list(vars(module).items()):
        texts = isinstance(old, Mapping) and all(isinstance(value, str) for value in old.values())
        if texts or isinstance(old, str | int | float | TextClause):
            setattr(module, name, again.get(name, old))


def _evaluated(module: ModuleType, source: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": module.__name__, "__file__": module.__file__}
    exec(compile(source, str(module.__file__), "exec"), names)
    return names


def _replace(module: ModuleType, source: str) -> None:
    mutated = _evaluated(module, source)
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
