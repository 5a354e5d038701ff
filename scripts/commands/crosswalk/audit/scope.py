"""Modules, classes, functions and the frames they are executed in."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from scripts.commands.crosswalk.audit.atoms import UNKNOWN, ClassRef, External, Made, Values
from scripts.commands.crosswalk.audit.effects import Effect

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(eq=False, slots=True)
class Module:
    """A source file of the tree; ``frame`` is there once its execution began."""

    name: str
    path: Path
    source: str
    tree: ast.Module
    package: bool
    frame: "Frame | None" = None
    done: bool = False


@dataclass(eq=False, slots=True)
class Function:
    """A function of the tree. ``job``: registered to run in the background. ``task``: of a task queue; ``sent``: a call of it
    sends it there (Huey), where others run it at once."""

    name: str
    module: Module
    node: Definition
    closure: "Frame"
    cls: "Class | None" = None
    decorators: frozenset[str] = frozenset()
    job: bool = False
    task: bool = False
    sent: bool = False
    generator: bool | None = None  #: whether it yields, computed on first use
    assigned: dict[str, ast.expr] | None = None  #: what its names are assigned first, computed on first use
    shared: frozenset[str] | None = None  #: names of its module that it sets (``global``), computed on first use
    unsteady: frozenset[str] | None = None  #: names that may have another value than the one met, computed on first use

    @property
    def qualified(self) -> str:
        """``Class.method`` or the function's name."""
        return f"{self.cls.name}.{self.name}" if self.cls else self.name

    def sets_globally(self, name: str) -> bool:
        """Whether it says ``global name``."""
        if self.shared is None:
            said = [part for part in ast.walk(self.node) if isinstance(part, ast.Global)]
            self.shared = frozenset(name for part in said for name in part.names)
        return name in self.shared

    @property
    def is_generator(self) -> bool:
        """Whether it yields."""
        if self.generator is None:
            self.generator = any(isinstance(part, ast.Yield | ast.YieldFrom) for part in ast.walk(self.node))
        return self.generator


@dataclass(eq=False, slots=True)
class FieldOf:
    """A field of a model or schema: its values' type, and for a model what its column may hold."""

    annotation: ast.expr | None
    value: Values
    node: ast.AST


@dataclass(eq=False, slots=True)
class Class:
    """A class of the tree, or one of ours that a tree may use without containing it."""

    name: str
    module: Module | None
    frame: "Frame"
    bases: tuple[Values, ...] = ()
    fields: dict[str, FieldOf] = field(default_factory=dict)
    keywords: dict[str, Values] = field(default_factory=dict)
    table: str = ""
    parameters: tuple[Values, ...] = ()

    def ancestry(self) -> Iterator["Class"]:
        """The class and its ancestors in the tree, nearest first."""
        waiting, seen = [self], set()
        while waiting:
            cls = waiting.pop(0)
            if id(cls) in seen:
                continue
            seen.add(id(cls))
            yield cls
            waiting.extend(atom.cls for base in cls.bases for atom in base if isinstance(atom, ClassRef))

    def outside_bases(self) -> set[str]:
        """Last names of the ancestors outside the tree."""
        return {
            atom.name.rsplit(".", 1)[-1]
            for cls in self.ancestry()
            for base in cls.bases
            for atom in base
            if isinstance(atom, External | Made)
        }

    @property
    def is_enum(self) -> bool:
        """Whether it is an enumeration."""
        return bool(self.outside_bases() & {"Enum", "StrEnum", "IntEnum", "Flag", "IntFlag", "TextChoices"})

    @property
    def is_text_enum(self) -> bool:
        """Whether its members are equal to their values as text."""
        return self.is_enum and bool(self.outside_bases() & {"str", "StrEnum", "TextChoices"})

    @property
    def is_model(self) -> bool:
        """Whether it is a declarative SQLAlchemy class (SQLModel's tables too)."""
        if self.is_enum:
            return False
        return any(cls.table or "__tablename__" in cls.frame.names or "__table__" in cls.frame.names or (
            "SQLModel" in cls.outside_bases() and "table" in cls.keywords
        ) for cls in self.ancestry()) or bool(
            self.fields and self.outside_bases() & {"DeclarativeBase", "declarative_base", "DeclarativeBaseNoMeta"}
        ) or any(
            isinstance(atom, External | Made) and atom.name.endswith(".Model") and self.fields
            for cls in self.ancestry() for base in cls.bases for atom in base
        )  # fmt: skip

    def lookup(self, name: str) -> Values:
        """A name of the class's body or of an ancestor's."""
        for cls in self.ancestry():
            if name in cls.frame.names:
                return cls.frame.names[name]
        return UNKNOWN

    def all_fields(self) -> dict[str, FieldOf]:
        """Fields, inherited ones too."""
        found: dict[str, FieldOf] = {}
        for cls in self.ancestry():
            for name, declared in cls.fields.items():
                found.setdefault(name, declared)
        return found


@dataclass(eq=False, slots=True)
class Frame:
    """Names and effects of one execution of a module, class body or function."""

    module: Module
    names: dict[str, Values]
    parent: "Frame | None" = None
    function: Function | None = None
    cls: Class | None = None
    effects: list[Effect] = field(default_factory=list)
    returned: Values = UNKNOWN
    methods: frozenset[str] | None = None
    depth: int = 0
