"""One audit: every module executed, every route's handler followed."""

import ast
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from scrapersky.errors import plural
from scripts.commands.crosswalk.audit import binding
from scripts.commands.crosswalk.audit import values as v
from scripts.commands.crosswalk.audit.coverage import Coverage, measure
from scripts.commands.crosswalk.audit.effects import Effect, LeavesTree, Place, StatusWrite
from scripts.commands.crosswalk.audit.interpreter import Interpreter
from scripts.commands.crosswalk.audit.known import Known
from scripts.commands.crosswalk.audit.project import Project
from scripts.commands.crosswalk.audit.routes import Route
from scripts.commands.crosswalk.audit.vocabulary import Vocabulary, jobs, watched

REGISTERS = v.word_set(
    "include_router register_blueprint register add_api_route add_url_rule add_resource add_namespace "
    "add_route add_job mount scheduled_job include_routers APIRouter FastAPI Flask Blueprint"
)
CALLS_REGISTER = re.compile(rf"\b(?:{'|'.join(sorted(REGISTERS))})\b")
HINTS = (".register(", "include_router", "register_blueprint", "add_job", "scheduled_job", "add_namespace", ".mount(")


@dataclass(slots=True)
class Analysis:
    """What the audit read: the routes with what each does, and notes on what could not be read."""

    root: Path
    routes: list[tuple[Route, list[Effect]]]
    notes: list[tuple[Path, int, str]]
    self_paths: list[tuple[str, str]]  #: the application of each route of the tree, and its path
    by_workers: list[StatusWrite] = field(default_factory=list)
    """What the jobs write that are registered when the application starts."""
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    coverage: Coverage = field(default_factory=Coverage)


def analyse(paths: Iterable[Path], *, tests: bool = False, vocabulary: Vocabulary | None = None) -> Analysis:
    """Analyse the files under ``paths``; the project around them is read for what they import and who includes them."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 12_000))
    project = Project(paths, tests=tests)
    run = Interpreter(project, Known(watched(), jobs(), vocabulary))
    for path in project.chosen:
        run.module(path)
    chosen = set(project.chosen)
    for path in project.files:
        if path not in chosen and _registers(path):
            run.module(path)
    by_workers = _run_factories(run)
    run.begin()
    found = []
    followed: dict[object, list[Effect]] = {}
    for route in run.routing.all():
        if route.place.path in chosen:
            key = route.endpoint, route.dependencies  # one function may stand at several paths
            if key not in followed:
                run.allow(route.place, route.name)
                followed[key] = _follow(run, route)
            found.append((route, followed[key]))
    root = project.roots[0] if len(project.roots) == 1 else Path("/")
    paths_of_all = [(route.app, route.path) for route in run.routing.all()]
    coverage = measure(run, found, chosen)
    unread = {file.path for file in coverage.unread}
    noted = [note for note in run.notes if note[0] in chosen or note[0] in unread or note[0].is_dir()]
    notes = list(dict.fromkeys([*noted, *coverage.faults, *coverage.not_understood, *_unknown_queues(found)]))
    return Analysis(root, found, notes, paths_of_all, by_workers, run.known.vocabulary, coverage)


def _unknown_queues(routes: list[tuple[Route, list[Effect]]]) -> list[tuple[Path, int, str]]:
    """Return a note for each function from outside the tree that may be a queue which the audit does not know."""
    calls: dict[str, dict[tuple[str, Place], Place]] = {}
    for route, effects in routes:
        for effect in effects:
            if isinstance(effect, LeavesTree):
                calls.setdefault(effect.what, {})[route.name, route.place] = effect.place
    notes = []
    for name, places in calls.items():
        first = min(places.values(), key=lambda place: (str(place.path), place.line))
        text = (
            f"{name} leaves the tree from {plural(len(places), 'route')}: name it in [jobs] functions if it starts work"
        )
        notes.append((first.path, first.line, text))
    return notes


def _registers(path: Path) -> bool:
    try:
        if path.stat().st_size > 400_000:
            return False
        source = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return any(hint in source for hint in HINTS)


def _run_factories(run: Interpreter) -> list[StatusWrite]:
    """Functions that register something are executed too, and what an application runs when it starts: ``create_app``,
    ``setup_scheduler``, a ``lifespan``, which says what the application's state holds. Gives what the jobs write."""
    found: list[StatusWrite] = []
    for module in run.project.executed():
        if not any(name in module.source for name in (*REGISTERS, "lifespan", "on_event")):
            continue
        for node in _registering(module):
            if (function := run.functions.get(id(node))) is not None:
                run.allow(run.place(node, function.closure), function.qualified)
                effects = run.call(function, v.UNKNOWN, v.Arguments()).effects
                found += [effect for effect in effects if isinstance(effect, StatusWrite) and effect.deferred]
    for function in [function for function in dict.fromkeys(run.functions.values()) if function.job]:
        run.allow(run.place(function.node, function.closure), function.qualified, share=False)
        effects = run.call(function, v.UNKNOWN, v.Arguments()).effects
        found += [effect for effect in effects if isinstance(effect, StatusWrite)]
    return found


def _registering(module: v.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return the outermost functions that call something of :data:`REGISTERS`, also in an inner function."""
    found, end, lines = [], 0, module.source.split("\n")
    for node in v.statements_of(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno > end:
            end = node.end_lineno or node.lineno
            is_near = CALLS_REGISTER.search("\n".join(lines[node.lineno - 1 : end]))
            if _begins(node) or (is_near and any(
                isinstance(part, ast.Call) and v.last_name(part.func) in REGISTERS for part in ast.walk(node)
            )):  # fmt: skip
                found.append(node)
    return found


def _begins(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether an application runs it when it starts: ``lifespan``, ``@app.on_event("startup")``."""
    return "lifespan" in node.name or any(
        isinstance(decorator, ast.Call)
        and v.last_name(decorator.func) == "on_event"
        and [argument.value for argument in decorator.args if isinstance(argument, ast.Constant)] == ["startup"]
        for decorator in node.decorator_list
    )


def _follow(run: Interpreter, route: Route) -> list[Effect]:
    effects: list[Effect] = []
    for dependency in (atom for values in route.dependencies for atom in values if isinstance(atom, v.Dependency)):
        binding.resolve(run, dependency, v.UNKNOWN, effects)
    for atom in route.endpoint:
        if isinstance(atom, v.Func):
            receiver = v.one(atom.receiver) if atom.receiver else v.UNKNOWN
            done = run.call(atom.function, receiver, v.Arguments(), endpoint=True).effects
            effects += [effect.only(atom.function.guard) for effect in done]
            for wrapper in v.function_in(atom.function.wrapper):
                effects += run.call(wrapper, v.UNKNOWN, v.Arguments()).effects
    return effects
