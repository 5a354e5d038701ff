"""The abstract machine: executes modules once, and calls functions with what is known of their arguments."""

import ast
from dataclasses import replace
from pathlib import Path

from scripts.commands.crosswalk.audit import attributes, binding, expressions, statements
from scripts.commands.crosswalk.audit import values as v
from scripts.commands.crosswalk.audit.effects import Effect, is_committed
from scripts.commands.crosswalk.audit.known import Known
from scripts.commands.crosswalk.audit.machine import MAX_EFFECTS, Machine, distinct
from scripts.commands.crosswalk.audit.project import Project
from scripts.commands.crosswalk.audit.statements import is_outside
from scripts.commands.crosswalk.audit.syntax import opens_session

MAX_DEPTH = 40
MAX_VARIANTS = 1_000
"""Argument combinations a function is followed with; beyond, it is followed once with its annotations only."""
MAX_COST = 12_000
"""Statements that a function's variants may take together, those of what it calls too, before it is followed once only."""
CHEAP = 20
"""Statements that a variant of a wrapper takes (``execute(sql)``), which many queries go through."""
FEW_VARIANTS = 4
"""Variants that even a costly function is followed with."""


class Interpreter(Machine):
    """One run over a project."""

    def __init__(self, project: Project, known: Known) -> None:
        super().__init__(project, known)
        self._summaries: dict[object, v.Summary] = {}
        self._variants: dict[int, int] = {}
        self._costs: dict[int, int] = {}
        self._running: set[object] = set()

    evaluate = expressions.evaluate
    attribute_of = attributes.of
    promised = binding.promised
    assign = statements.assign

    def module(self, path: Path) -> v.Module | None:
        module = self.project.module(path)
        if module is not None and module.frame is None:
            module.frame = v.Frame(module, {"__name__": v.UNKNOWN})
            try:
                statements.block(self, module.tree.body, module.frame)
            except RecursionError:
                self.notes.append((path, 1, "nested too deeply: the rest of the file was left out"))
            module.done = True
        return module

    def begin(self) -> None:
        """Reset the counts of variants: a start with all its migrations takes none from the routes."""
        self.known_users, self.started = None, self.steps
        self._implementations.clear()
        self._variants.clear()
        self._costs.clear()

    def call(
        self, function: v.Function, receiver: v.Values, arguments: v.Arguments, endpoint: bool = False
    ) -> v.Summary:
        names = binding.bind(self, function, receiver, arguments, endpoint=endpoint)
        effects: list[Effect] = names.effects
        key: object = (id(function), frozenset(names.values.items()))
        if key not in self._summaries:
            variants = self._variants[id(function)] = self._variants.get(id(function), 0) + 1
            if arguments.all() and (variants > MAX_VARIANTS or (variants > FEW_VARIANTS and self._is_costly(function))):
                self.simplified.add(f"{function.module.path}:{function.node.lineno}")
                return self.call(function, receiver, v.Arguments(open=True), endpoint)
        if key in self._running or len(self._running) > MAX_DEPTH:
            return v.Summary(v.UNKNOWN, effects)
        if key in self._summaries and (not _is_nested(function) or self._is_costly(function)):
            summary = self._summaries[key]
        else:
            self._running.add(key)
            before = self.steps
            try:
                summary = self._follow(function, names.values)
            finally:
                self._running.discard(key)
                self._costs[id(function)] = self._costs.get(id(function), 0) + self.steps - before
            if not self._cut:
                self._summaries[key] = summary
        return v.Summary(summary.value, [*effects, *summary.effects])

    def _is_costly(self, function: v.Function) -> bool:
        cost = self._costs.get(id(function), 0)
        return cost > MAX_COST and cost > CHEAP * self._variants.get(id(function), 1)

    def _follow(self, function: v.Function, names: dict[str, v.Values]) -> v.Summary:
        frame = v.Frame(function.module, dict(names), parent=function.closure, function=function)
        frame.depth = len(self._running)
        node = function.node
        try:
            if isinstance(node, ast.Lambda):
                frame.returned = self.evaluate(node.body, frame)
            else:
                statements.block(self, node.body, frame)
        except RecursionError:
            self.notes.append(
                (function.module.path, node.lineno, f"{function.qualified} is nested too deeply: left out")
            )
        value = frame.returned
        if is_outside(value) and not isinstance(node, ast.Lambda) and node.returns is not None:
            value = self.promised(node.returns, function.closure, request=False) or value
        effects = distinct(frame.effects)
        if len(effects) == MAX_EFFECTS:
            self.simplified.add(f"{function.module.path}:{node.lineno}")
        return v.Summary(value, _settled(effects) if opens_session(node) else effects)


def _settled(effects: list[Effect]) -> list[Effect]:
    """Return the effects of a function with a session of its own, whose commits count for nothing else."""
    lasts = is_committed(effects)
    return [replace(effect, lasts=lasts) if effect.lasts is None else effect for effect in effects]


def _is_nested(function: v.Function) -> bool:
    return function.closure.function is not None
