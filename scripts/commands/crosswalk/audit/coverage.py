"""Coverage of an audit: how much of the code it understood, so that "no findings" never hides code that it could not see."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scrapersky.errors import plural
from scripts.commands.crosswalk.audit.effects import Effect, StatusWrite
from scripts.commands.crosswalk.audit.interpreter import Interpreter
from scripts.commands.crosswalk.audit.project import ROUTE_DECORATORS, Unread
from scripts.commands.crosswalk.audit.routes import Route
from scripts.commands.crosswalk.audit.values import METHODS, last_name, statements_of

VIEW_BASES = ("Resource", "MethodView", "HTTPEndpoint", "FlaskView")


@dataclass(frozen=True, slots=True)
class Coverage:
    """What an audit understood, in numbers."""

    handlers: int = 0  #: handlers that were followed
    not_understood: tuple[tuple[Path, int, str], ...] = ()  #: route-like code that registered no route
    unread: tuple[Unread, ...] = ()
    faults: tuple[tuple[Path, int, str], ...] = ()  #: statements at which the audit itself failed
    calls: int = 0
    unresolved: int = 0  #: calls on objects of which nothing is known
    writes: int = 0  #: status writes
    unknown_writes: int = 0  #: of these, the ones whose value is not known
    shortened: int = 0  #: routes that were not followed to the end
    simplified: int = 0  #: functions that some calls follow by their annotations only, because they are costly

    @property
    def found(self) -> int:
        """Return the number of handlers found, understood or not."""
        return self.handlers + len(self.not_understood) + sum(file.routes for file in self.unread)

    @property
    def percent(self) -> int:
        """Return the share of handlers that was understood, rounded down."""
        return 100 * self.handlers // self.found if self.found else 0

    def blindness(self, minimum: int) -> str:
        """Return why the audit must not pass, or an empty text."""
        if not self.handlers:
            return "no route was found: name a folder that contains routers of a supported framework"
        if hidden := [file for file in self.unread if file.routes]:
            names = ", ".join(f"{file.path.name} ({file.reason})" for file in hidden[:3])
            return f"{len(hidden)} unread files contain route decorators: {names}"
        if self.faults:
            path, line, text = self.faults[0]
            return f"{plural(len(self.faults), 'statement')} not followed; {path.name}:{line}: {text}"
        if self.percent < minimum:
            return f"{self.percent} % of the handlers were understood; --min-coverage asks for {minimum} %"
        return ""


def coverage_text(coverage: Coverage) -> str:
    """Return the coverage as one line."""
    return (
        f"Coverage: {coverage.handlers} of {coverage.found} handlers understood ({coverage.percent} %), "
        f"{plural(len(coverage.unread), 'file')} unread, {coverage.unresolved} of {coverage.calls} calls unresolved, "
        f"{coverage.unknown_writes} of {coverage.writes} status writes with an unknown value, "
        f"{plural(coverage.shortened, 'route')} not followed to the end, "
        f"{plural(coverage.simplified, 'function')} followed by annotations only."
    )


def measure(run: Interpreter, routes: list[tuple[Route, list[Effect]]], chosen: set[Path]) -> Coverage:
    """Compare what was found with what the source looks like."""
    known = {(route.place.path, route.place.line) for route, _ in routes}
    missed = []
    for module in run.project.executed():
        if module.path in chosen:
            missed += [
                (module.path, line, text) for line, text in _route_like(module.tree) if (module.path, line) not in known
            ]
    writes = {
        (effect.place, effect.model, effect.field): effect.open
        for _, effects in routes
        for effect in effects
        if isinstance(effect, StatusWrite)
    }
    return Coverage(
        handlers=len(known),
        not_understood=tuple(dict.fromkeys(missed)),
        unread=tuple(run.project.unread),
        faults=tuple(dict.fromkeys(run.faults)),
        calls=len(run.calls),
        unresolved=sum(1 for resolved in run.calls.values() if not resolved),
        writes=len(writes),
        unknown_writes=sum(writes.values()),
        shortened=len(run.shortened),
        simplified=len(run.simplified),
    )


def _route_like(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line of each function that looks like a handler, with the text that makes it look like one."""
    for node in statements_of(tree):
        if isinstance(node, ast.ClassDef) and any(last_name(_origin(base)).endswith(VIEW_BASES) for base in node.bases):
            for part in node.body:
                if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and part.name in METHODS:
                    yield part.lineno, f"{node.name}.{part.name} is not registered at a router that the audit knows"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                if _is_route_decorator(decorator):
                    yield node.lineno, f"@{ast.unparse(decorator)[:70]} is not understood as a route"
                    break


def _origin(base: ast.expr) -> ast.expr:
    return base.value if isinstance(base, ast.Subscript) else base


def _is_route_decorator(node: ast.expr) -> bool:
    """Evaluate ``@x.get("/path")``, ``@protected(router.get, "/path")``."""
    if not isinstance(node, ast.Call):
        return False
    name, first = last_name(node.func), node.args[:1]
    if name == "resolver":
        return True
    if first and isinstance(first[0], ast.Attribute):
        name, first = first[0].attr, node.args[1:2]
    elif not isinstance(node.func, ast.Attribute):
        return False
    is_path = any(
        isinstance(part, ast.JoinedStr)
        or (isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value[:1] in ("", "/", "<"))
        for part in first
    )
    return name in ROUTE_DECORATORS and is_path
