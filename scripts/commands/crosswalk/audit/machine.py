"""One run over a project: its state, and what the modules of the interpreter may ask of it.

They get a :class:`Machine`, so that they do not import each other in a circle."""

import ast
import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from scripts.commands.crosswalk.audit import values as v
from scripts.commands.crosswalk.audit.effects import Effect, Place, StartsWork
from scripts.commands.crosswalk.audit.known import Known, snake
from scripts.commands.crosswalk.audit.project import Project
from scripts.commands.crosswalk.audit.routes import Routing
from scripts.commands.crosswalk.audit.syntax import is_abstract

MAX_STEPS = 400_000
"""Statements executed before any route, and by all routes but for :data:`ROUTE_STEPS`: a limit on time only."""
ROUTE_SHARE = 10
"""One route may take a tenth of the statements that are left, so that none takes them from all others."""
ROUTE_STEPS = 2_000
"""What a route may take in any case."""
MAX_EFFECTS = 400
MAX_IMPLEMENTATIONS = 4
"""Of an abstract method; which one of more is meant is not known."""


class Machine(ABC):
    """The state of a run; an :class:`~.interpreter.Interpreter` adds the recursive steps of the evaluation."""

    def __init__(self, project: Project, known: Known) -> None:
        self.project = project
        self.known = known
        self.routing = Routing()
        self.functions: dict[object, v.Function] = {}  #: by node (the latest), and see :meth:`function_at`
        self.classes: dict[int, v.Class] = {}
        self.attributes: dict[tuple[int, int, str], v.Values] = {}
        self.notes: list[tuple[Path, int, str]] = project.notes
        self.faults: list[tuple[Path, int, str]] = []  #: statements at which the audit itself failed
        self.state: dict[str, v.Values] = {}  #: what an application keeps, in its ``state`` or as its attributes
        self.workers: v.Workers | None = None
        self.calls: dict[int, bool] = {}  #: calls in functions, by node: whether it is known what is called
        self.resolving: list[v.Function] = []  #: dependencies that are being followed
        self.constructed: set[int] = set()  #: classes whose ``__init__`` was followed for an object that is injected
        self.simplified: set[str] = set()  #: functions that some calls follow by their annotations only
        self.shortened: set[str] = set()  #: routes that were not followed to the end
        self.known_users: v.Values | None = None
        self._implementations: dict[tuple[int, str], list[v.Func]] = {}
        self.has_cycles = False  #: whether a module was imported while it was being executed
        self.steps = 0
        self.started = 0  #: those that took the modules and the start of the application
        self._by_variable: dict[str, list[v.Class]] = {}
        self._cut = False
        self._limit = MAX_STEPS
        self._beyond = (Path(), 1, f"stopped after {MAX_STEPS:,} statements before any route")

    @abstractmethod
    def evaluate(self, node: ast.expr, frame: v.Frame) -> v.Values:
        """Return what ``node`` may be; calls leave their effects in ``frame``."""

    @abstractmethod
    def attribute_of(self, owners: v.Values, name: str, frame: v.Frame) -> v.Values:
        """Return ``owner.name`` for whatever the owner may be."""

    @abstractmethod
    def assign(self, target: ast.expr, value: v.Values, frame: v.Frame, node: ast.stmt) -> None:
        """Bind ``value`` to a target."""

    @abstractmethod
    def promised(self, annotation: ast.expr, frame: v.Frame, *, request: bool) -> v.Values:
        """Return what an annotation states about a value. ``request``: the request decides the value."""

    @abstractmethod
    def module(self, path: Path) -> v.Module | None:
        """Return the module of a file, executed (or being executed, in a cycle of imports)."""

    @abstractmethod
    def call(
        self, function: v.Function, receiver: v.Values, arguments: v.Arguments, endpoint: bool = False
    ) -> v.Summary:
        """Follow a call. ``endpoint``: the framework calls, so parameters are dependencies or come from the request."""

    def allow(self, place: Place, name: str, *, share: bool = True) -> None:
        """Begin a route, with its share of the statements that are left, or with :data:`ROUTE_STEPS`."""
        allowed = max((MAX_STEPS + self.started - self.steps) // ROUTE_SHARE if share else 0, ROUTE_STEPS)
        self._limit, self._cut = self.steps + allowed, False
        self._beyond = (place.path, place.line, f"{name}: followed for {allowed:,} statements, not to the end")

    def step(self) -> bool:
        """Count a statement; return False when the limit is reached."""
        self.steps += 1
        if self.steps > self._limit and not self._cut:
            self._cut = True
            self.notes.append(self._beyond)
            self.shortened.add(self._beyond[2])
        return not self._cut

    def fault(self, node: ast.stmt, frame: v.Frame, error: Exception) -> None:
        """Note that the audit itself failed at a statement, and where in its own code."""
        *_, origin = traceback.extract_tb(error.__traceback__)
        own = f"{Path(origin.filename).name}:{origin.lineno}"
        text = f"the audit failed here ({own}: {type(error).__name__}: {error})"
        self.faults.append((frame.module.path, node.lineno, text))

    def place(self, node: ast.AST, frame: v.Frame) -> Place:
        """Return where ``node`` stands."""
        return Place(frame.module.path, getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1)

    def member_of(self, module: v.Module, name: str) -> v.Values:
        """Evaluate ``module.name``: a name of its body, or a submodule of a package."""
        if module.frame and name in module.frame.names:
            return self.settled(module.frame.names[name])
        if module.package and (path := self.project.beside(module.path, name)):
            found = self.module(path)
            return v.one(v.ModuleRef(found)) if found else v.UNKNOWN
        self.has_cycles = self.has_cycles or not module.done
        return v.UNKNOWN if module.done else v.one(v.Later(module, name))

    def settled(self, values: v.Values) -> v.Values:
        """Evaluate ``values`` with what was imported in a cycle looked up, now that its module is done."""
        if not self.has_cycles or not any(isinstance(atom, v.Later) for atom in values):
            return values
        found: list[v.Values] = []
        for atom in values:
            if not isinstance(atom, v.Later):
                found.append(v.one(atom))
            elif atom.module.frame:
                found.append(v.Values(
                    other for other in atom.module.frame.names.get(atom.name, v.UNKNOWN) if not isinstance(other, v.Later)
                ))  # fmt: skip
        return v.join(*found)

    def function_at(self, node: v.Definition, frame: v.Frame, name: str) -> v.Function:
        """Return the function that ``node`` defines; in a factory one for each set of values it closes over."""
        is_nested = frame.function is not None and frame.cls is None
        key: object = (id(node), frozenset(frame.names.items())) if is_nested else id(node)
        made = self.functions.get(key)
        if made is None:
            made = self.functions[key] = v.Function(name, frame.module, node, frame, cls=frame.cls)
        made.closure = frame
        self.functions[id(node)] = made
        return made

    def made(self, cls: v.Class, arguments: v.Arguments, key: int, frame: v.Frame) -> v.Values:
        """Return an object of ``cls``, its ``__init__`` followed."""
        instance = v.Instance(cls, key)
        for atom in cls.lookup("__init__"):
            function = getattr(atom, "function", None)
            if isinstance(function, v.Function):
                done = self.call(function, v.one(instance), arguments)
                if cls.is_single:  # what its only object does when it is made, is done once
                    begun = [effect for effect in done.effects if isinstance(effect, StartsWork)]
                    done.effects = [replace(effect, once=True) for effect in begun if effect.kind in ("task", "thread")]
                self.absorb(done, function.qualified, frame)
        if not cls.lookup("__init__"):
            for name, value in [*zip(_declared(cls), arguments.positional, strict=False), *arguments.keywords.items()]:
                self.set_attribute(instance, name, value)
        return v.one(instance)

    def absorb(self, summary: v.Summary, helper: str, frame: v.Frame) -> v.Values:
        """Add a call's effects to ``frame``, seen from there; return its value."""
        frame.effects.extend(effect.by_way_of(helper, frame.methods) for effect in summary.effects)
        if len(frame.effects) > 4 * MAX_EFFECTS:
            frame.effects[:] = distinct(frame.effects)
        return summary.value

    def set_attribute(self, instance: v.Instance, name: str, value: v.Values) -> None:
        """Evaluate ``instance.name = value``: one of the values it may have."""
        for key in {instance.key, 0}:
            place = (id(instance.cls), key, name)
            self.attributes[place] = v.join(self.attributes.get(place, v.UNKNOWN), value)

    def replace_attribute(self, instance: v.Instance, name: str, value: v.Values) -> None:
        """Evaluate ``instance.name = value``, where ``value`` holds what was there before."""
        self.attributes.update({(id(instance.cls), key, name): value for key in (instance.key, 0)})

    def attribute(self, instance: v.Instance, name: str) -> v.Values:
        """Return what was assigned to an object's attribute, in its class or an ancestor's methods."""
        for cls in instance.cls.ancestry():
            found = self.attributes.get((id(cls), instance.key, name))
            if found:
                return found
        return v.UNKNOWN

    def is_given(self, instance: v.Instance, name: str) -> bool:
        """Return whether an object's attribute was assigned, also to something not known."""
        return any((id(cls), instance.key, name) in self.attributes for cls in instance.cls.ancestry())

    def defined(self, node: ast.ClassDef, cls: v.Class) -> None:
        """Return a class of the tree, to be found again by its definition and by its name."""
        if id(node) not in self.classes:
            self.classes[id(node)] = cls
            self._by_variable.setdefault(snake(cls.name), []).append(cls)

    def implementations(self, cls: v.Class, name: str) -> list[v.Func]:
        """Return the methods that implement an abstract one: of subclasses, or of classes that fulfil a protocol."""
        key = id(cls), name
        if key not in self._implementations:
            wanted = [word for word, value in cls.frame.names.items() if v.function_in(value) and word[:2] != "__"]
            protocol = "Protocol" in cls.outside_bases()
            found = {
                function: v.Func(function, v.Instance(other))
                for other in self.classes.values()
                if cls in other.ancestry() or (protocol and all(other.lookup(word) for word in wanted))
                for function in v.function_in(other.lookup(name))
                if not is_abstract(function.node)
            }
            self._implementations[key] = list(found.values()) if len(found) <= MAX_IMPLEMENTATIONS else []
        return self._implementations[key]

    def provided(self, key: v.Values) -> v.Values:
        """Evaluate what ``Provide[Container.service]`` names; by text, what a container has by this name."""
        names = {text.rsplit(".", 1)[-1] for text in v.texts(key)}
        if not names:
            return key
        containers = [cls for cls in self.classes.values() if "DeclarativeContainer" in cls.outside_bases()]
        return v.join(*(cls.lookup(name) for cls in containers for name in names))

    def users(self) -> v.Values:
        """Evaluate Flask-Login's ``current_user``: an object of a class that has its mix-in or its interface."""
        if self.known_users is None:
            mixed = (
                cls
                for cls in self.classes.values()
                if "UserMixin" in cls.outside_bases() or (cls.is_model and cls.lookup("is_authenticated"))
            )
            self.known_users = v.join(*(v.object_of(cls) for cls in mixed))
        return self.known_users

    def named_like(self, owner: ast.expr, method: str) -> v.Values:
        """Evaluate ``job_service.create`` of an object of unknown type: the method of the only class ``JobService``."""
        variable = v.last_name(owner).strip("_")
        if "_" not in variable:
            return v.UNKNOWN  # one word names many things
        fitting = [cls for cls in self._by_variable.get(variable, ()) if cls.lookup(method)]
        if len(fitting) != 1 or fitting[0].is_model or fitting[0].is_enum:
            return v.UNKNOWN
        return v.Values(
            v.Func(atom.function, v.Instance(fitting[0]))
            for atom in fitting[0].lookup(method)
            if isinstance(atom, v.Func)
        )


def _declared(cls: v.Class) -> list[str]:
    """Return a dataclass's fields in the order of its parameters."""
    return list(dict.fromkeys(name for ancestor in reversed(cls.ancestry()) for name in ancestor.fields))


def distinct(effects: Iterable[Effect]) -> list[Effect]:
    """Return each effect once, by its shortest way."""
    best: dict[object, Effect] = {}
    for effect in effects:
        key = (type(effect), *(getattr(effect, name) for name in effect.__dataclass_fields__ if name != "through"))
        if key not in best or len(effect.through) < len(best[key].through):
            best[key] = effect
    return list(best.values())[:MAX_EFFECTS]
