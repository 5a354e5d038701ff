"""Coverage of an audit: how much of the code it understood, so that "no findings" never hides code that it could not see."""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit.effects import StatusWrite
from scripts.commands.crosswalk.audit.routes import METHODS
from scripts.commands.crosswalk.audit.written import last_name

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.effects import Effect
    from scripts.commands.crosswalk.audit.project import Project
    from scripts.commands.crosswalk.audit.routes import Route

ROUTE_DECORATORS = frozenset({*METHODS, "route", "api_route", "resolver"})
ROUTE_DECORATOR = re.compile(rf"^\s*@\w[\w.]*\.(?:{'|'.join(sorted(ROUTE_DECORATORS))})\(", re.MULTILINE)
VIEW_BASES = ("Resource", "MethodView", "HTTPEndpoint", "FlaskView")

NEWER_SYNTAX = (
    ((3, 14), re.compile(r"^\s*except\s+[\w.]+\s*,\s*(?:\w+\.)*[A-Z]\w*\s*(?:,[\s\w.]*)?:|\bt[\"']")),
    ((3, 13), re.compile(r"^\s*(?:class|def|async def|type)\s+\w+\s*\[[^\]=]*=[^\]]*\]")),
    ((3, 12), re.compile(r"^\s*(?:class|def|async def)\s+\w+\s*\[|^\s*type\s+\w+[^=\n]*=")),
)
PYTHON_2 = re.compile(
    r"^\s*(?:print\s+[\"'\w%]|exec\s+[\"'\w]|raise\s+\w+\s*,|except\s+[\w.()]+\s*,\s*[a-z_]\w*\s*:)|<>|`"
)


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that could not be read, and the number of route decorators in its text."""

    path: Path
    line: int
    reason: str
    routes: int = 0


@dataclass(frozen=True, slots=True)
class Coverage:
    """What an audit understood, in numbers."""

    handlers: int = 0  #: handlers that were followed
    not_understood: tuple[tuple[Path, int, str], ...] = ()  #: route-like code that registered no route
    unread: tuple[Unread, ...] = ()
    calls: int = 0
    unresolved: int = 0  #: calls on objects of which nothing is known
    writes: int = 0  #: status writes
    unknown_writes: int = 0  #: of these, the ones whose value is not known

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
        if self.percent < minimum:
            return f"{self.percent} % of the handlers were understood; --min-coverage asks for {minimum} %"
        return ""


def coverage_text(coverage: Coverage) -> str:
    """Return the coverage as one line."""
    return (
        f"Coverage: {coverage.handlers} of {coverage.found} handlers understood ({coverage.percent} %), "
        f"{len(coverage.unread)} files unread, {coverage.unresolved} of {coverage.calls} calls unresolved, "
        f"{coverage.unknown_writes} of {coverage.writes} status writes with an unknown value."
    )


def syntax_reason(source: str, error: SyntaxError) -> str:
    """Return why a file cannot be parsed: newer syntax than this interpreter's, Python 2, or an error."""
    lines = source.splitlines()
    around = lines[max((error.lineno or 1) - 2, 0) : error.lineno or 1]
    for version, pattern in NEWER_SYNTAX:
        if sys.version_info < version and any(pattern.search(line) for line in around):
            return f"needs Python ≥ {version[0]}.{version[1]}; the audit runs on {sys.version_info[0]}.{sys.version_info[1]}"
    if any(PYTHON_2.search(line) for line in around):
        return f"is Python 2: {error.msg}"
    if sys.version_info < (3, 12) and (error.msg or "").startswith("f-string"):
        return f"needs Python ≥ 3.12, or has an error in an f-string: {error.msg}"
    return f"has a syntax error: {error.msg}"


def measure(
    project: "Project", routes: "list[tuple[Route, list[Effect]]]", chosen: set[Path], calls: dict[int, bool]
) -> Coverage:
    """Compare what was found with what the source looks like."""
    known = {(route.place.path, route.place.line) for route, _ in routes}
    missed = []
    for module in project.executed():
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
        unread=tuple(project.unread),
        calls=len(calls),
        unresolved=sum(1 for resolved in calls.values() if not resolved),
        writes=len(writes),
        unknown_writes=sum(writes.values()),
    )


def _route_like(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line of each function that looks like a handler, with the text that makes it look like one."""
    for node in ast.walk(tree):
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
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    if node.func.attr == "resolver":
        return True
    first = node.args[0] if node.args else None
    is_path = isinstance(first, ast.JoinedStr) or (
        isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value[:1] in ("", "/", "<")
    )
    return node.func.attr in ROUTE_DECORATORS and is_path
