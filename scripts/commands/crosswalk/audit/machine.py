"""The interface of the interpreter to the modules that it consists of, so that they do not import each other in a circle."""

import ast
from pathlib import Path
from typing import Protocol

from scripts.commands.crosswalk.audit import values as v
from scripts.commands.crosswalk.audit.effects import Place
from scripts.commands.crosswalk.audit.known import Known
from scripts.commands.crosswalk.audit.project import Project
from scripts.commands.crosswalk.audit.routes import Routing


class Machine(Protocol):
    """One run over a project: its state, and the recursive steps of the evaluation."""

    project: Project
    known: Known
    routing: Routing
    functions: dict[object, v.Function]
    classes: dict[int, v.Class]
    notes: list[tuple[Path, int, str]]
    state: dict[str, v.Values]
    workers: v.Workers | None
    calls: dict[int, bool]
    constructed: set[int]

    def evaluate(self, node: ast.expr, frame: v.Frame) -> v.Values:
        """Return what ``node`` may be; calls leave their effects in ``frame``."""

    def attribute_of(self, owners: v.Values, name: str, frame: v.Frame) -> v.Values:
        """Return ``owner.name`` for whatever the owner may be."""

    def promised(self, annotation: ast.expr, frame: v.Frame, *, request: bool) -> v.Values:
        """Return what an annotation states about a value. ``request``: the request decides the value."""

    def assign(self, target: ast.expr, value: v.Values, frame: v.Frame, node: ast.stmt) -> None:
        """Bind ``value`` to a target."""

    def call(
        self,
        function: v.Function,
        receiver: v.Values,
        arguments: v.Arguments,
        endpoint: bool = False,
        annotated: bool = True,
    ) -> v.Summary:
        """Follow a call. ``endpoint``: the framework calls, so parameters are dependencies or come from the request."""

    def absorb(self, summary: v.Summary, helper: str, frame: v.Frame) -> v.Values:
        """Add a call's effects to ``frame``, seen from there; return its value."""

    def made(self, cls: v.Class, arguments: v.Arguments, key: int, frame: v.Frame) -> v.Values:
        """Return a new object of ``cls`` after following its ``__init__``."""

    def function_at(self, node: v.Definition, frame: v.Frame, name: str) -> v.Function:
        """Return the function that ``node`` defines."""

    def module(self, path: Path) -> v.Module | None:
        """Return the module of a file, executed once."""

    def member_of(self, module: v.Module, name: str) -> v.Values:
        """Return ``module.name``."""

    def settled(self, values: v.Values) -> v.Values:
        """Return ``values`` with what was imported in a cycle looked up."""

    def attribute(self, instance: v.Instance, name: str) -> v.Values:
        """Return what was assigned to an object's attribute."""

    def set_attribute(self, instance: v.Instance, name: str, value: v.Values) -> None:
        """Add ``value`` to what an object's attribute may be."""

    def defined(self, node: ast.ClassDef, cls: v.Class) -> None:
        """Register a class of the tree."""

    def named_like(self, owner: ast.expr, method: str) -> v.Values:
        """Return the method of the only class whose name the variable has."""

    def place(self, node: ast.AST, frame: v.Frame) -> Place:
        """Return where ``node`` is."""

    def step(self) -> bool:
        """Count a statement; return False when the limit is reached."""
