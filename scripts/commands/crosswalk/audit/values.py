"""Values of the evaluation, and the modules, classes, functions and frames that hold them."""

import ast
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Self, TypeVar

from scripts.commands.crosswalk.audit.effects import Effect

METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")
HOLE = "\ufffc"
"""Stands in a text for a part that is not known."""
FROM_REQUEST = -1
"""The key of an object that the framework makes from a request: of just this class, and of no subclass."""
MAX_ATOMS = 32
"""A value that may be more than this is not known."""
MAX_SIZE = 2_000
"""Values in a list or dict, those inside of its own lists and dicts too."""
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Workers = dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]]
"""By the last part of a queue's name (``jobs`` of ``app.state.jobs``), the functions that take from it."""
Atom_co = TypeVar("Atom_co", bound=Hashable, covariant=True)


class Ordered(tuple[Atom_co, ...]):
    """Distinct members in the order in which they were found; equal to any other of the same members."""

    __slots__ = ()

    def __new__(cls, members: Iterable[Atom_co] = ()) -> Self:
        return super().__new__(cls, dict.fromkeys(members))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ordered) or len(self) != len(other):
            return False
        return super().__eq__(other) or (len(self) > 1 and set(self) == set(other))

    def __hash__(self) -> int:
        return hash(frozenset(self)) if len(self) > 1 else super().__hash__()


@dataclass(frozen=True, slots=True)
class Const:
    """A literal. ``named``: written as ``State.DONE.value``, not as a word."""

    value: object
    named: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text with :data:`HOLE` for each part that is not known; ``holes`` is the source of those parts, in order."""

    text: str
    holes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class External:
    """A name from outside the tree, dotted: ``fastapi.APIRouter``."""

    name: str


@dataclass(frozen=True, slots=True)
class Made:
    """What a call of something outside the tree gave; ``detail`` is its first literal argument."""

    name: str
    detail: str = ""


STARTED = ("asyncio.Task", "threading.Thread")
"""What a start gives, also of a process; ``detail`` is its place."""


@dataclass(frozen=True, slots=True)
class ModuleRef:
    """A module of the tree."""

    module: "Module"


@dataclass(frozen=True, slots=True)
class Later:
    """A name of a module that was still being executed when it was imported (a cycle)."""

    module: "Module"
    name: str


@dataclass(frozen=True, slots=True)
class Func:
    """A function of the tree, with the object it is bound to."""

    function: "Function"
    receiver: "Atom | None" = None


@dataclass(frozen=True, slots=True)
class Partial:
    """``functools.partial(function, …)``: a function of the tree with some of its arguments."""

    function: Func
    positional: tuple["Values", ...] = ()
    keywords: tuple[tuple[str, "Values"], ...] = ()


@dataclass(frozen=True, slots=True)
class ClassRef:
    """A class of the tree."""

    cls: "Class"


@dataclass(frozen=True, slots=True)
class Instance:
    """An object of a class of the tree that is no model; ``key`` distinguishes where it was made (0: not known)."""

    cls: "Class"
    key: int = 0


@dataclass(frozen=True, slots=True)
class About:
    """Whatever comes from a model: a result, a list of rows, a row; or surely a ``query``, whose methods are SQLAlchemy's."""

    cls: "Class"
    query: bool = False
    guessed: bool = False
    """Nothing says that it is of this class: a function from outside the tree got a row and gave it."""
    new: bool = False  #: the code made it: its columns are written when a session adds it


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an enum of the tree."""

    cls: "Class"
    name: str


@dataclass(frozen=True, slots=True)
class AnyMember:
    """Some member of an enum, which the request decides; ``form`` is "" for the member, "value" or "name" for its text.

    ``among`` are the names of the members it may be; None for all.
    """

    cls: "Class"
    form: str = ""
    among: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of some words, which the request decides (``Literal["Queued", "New"]``)."""

    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class Anything:
    """Free text from the request."""


@dataclass(frozen=True, slots=True)
class ColumnRef:
    """An attribute of a model class: ``Domain.status``."""

    cls: "Class"
    field: str


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A column or a type of one: the enum or the words it holds; ``names`` when the database holds member names."""

    enum: "Class | None" = None
    words: frozenset[str] | None = None
    names: bool = False
    target: "Class | None" = None
    """The model that a relationship leads to."""
    initial: str = ""
    """What a new row has."""
    flag: bool = False
    """Whether it holds true or false."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list, tuple or set, item by item; of one that grew beyond :data:`MAX_SIZE`, nothing is known."""

    items: tuple["Values", ...]
    size: int = field(default=0, init=False, compare=False)
    hashed: int = field(default=0, init=False, compare=False)

    def __post_init__(self) -> None:
        _measure(self, self.items)

    def __hash__(self) -> int:
        return self.hashed


@dataclass(frozen=True, slots=True)
class Mapping:
    """A dict, entry by entry; of one that grew beyond :data:`MAX_SIZE`, nothing is known."""

    items: tuple[tuple["Values", "Values"], ...]
    size: int = field(default=0, init=False, compare=False)
    hashed: int = field(default=0, init=False, compare=False)

    def __post_init__(self) -> None:
        _measure(self, (value for entry in self.items for value in entry))

    def __hash__(self) -> int:
        return self.hashed


@dataclass(frozen=True, slots=True)
class Statement:
    """``insert(Model)``, ``update(Model)``: until its values are given, nothing is written."""

    kind: str
    cls: "Class"
    written: bool = False  #: whether ``values(…)`` recorded what it writes


@dataclass(frozen=True, slots=True)
class Sql:
    """SQL text; ``holes`` is the source of its unknown parts, ``bound`` the parameters given to it already."""

    text: str
    holes: tuple[str, ...] = ()
    bound: tuple[tuple[str, "Values"], ...] = ()


@dataclass(frozen=True, slots=True)
class Router:
    """An application, router or blueprint, by where it was made; ``cls`` is the tree's own subclass of it."""

    key: str
    cls: "Class | None" = None


@dataclass(frozen=True, slots=True)
class RouterMethod:
    """``router.get``, not called: a function of the tree gets it to register a route."""

    router: str
    method: str


@dataclass(frozen=True, slots=True)
class Registering:
    """``router.get("/path")``: a decorator that makes a route of what it is put on."""

    router: str
    path: str
    methods: tuple[str, ...]
    dependencies: "Values"


@dataclass(frozen=True, slots=True)
class Dependency:
    """``Depends(f)``."""

    target: "Values"


Atom = (
    Const | Pattern | External | Made | ModuleRef | Later | Func | Partial | ClassRef | Instance | About | Member | AnyMember
    | AnyOf | Anything | ColumnRef | ColumnType | Listing | Mapping | Statement | Sql | Router | RouterMethod | Registering
    | Dependency
)  # fmt: skip
Values = Ordered[Atom]
UNKNOWN = Values()


def _measure(atom: Listing | Mapping, inside: Iterable[Values]) -> None:
    """Keep what loops and recursion nest in each other from growing without end."""
    size = 1 + sum(other.size if isinstance(other, Listing | Mapping) else 1 for values in inside for other in values)
    object.__setattr__(atom, "size", size if size <= MAX_SIZE else 1)
    if size > MAX_SIZE:
        object.__setattr__(atom, "items", ())
    object.__setattr__(atom, "hashed", hash(atom.items))


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


def one(atom: Atom) -> Values:
    """Return the value that is just ``atom``."""
    return Values((atom,))


def join(*several: Values) -> Values:
    """Return what may be any of ``several``."""
    filled = [values for values in several if values]
    if len(filled) < 2:
        return filled[0] if filled else UNKNOWN
    joined = Values(atom for values in filled for atom in values)
    return joined if len(joined) <= MAX_ATOMS else UNKNOWN


def texts(values: Values) -> list[str]:
    """Return the literal texts among ``values``, in order."""
    return sorted(atom.value for atom in values if isinstance(atom, Const) and isinstance(atom.value, str))


def text_of(values: Values) -> str | None:
    """Return the one text that ``values`` is, if it is one."""
    found = texts(values)
    return found[0] if len(found) == 1 else None


def models_in(values: Values) -> list["Class"]:
    """Return the models that ``values`` comes from: classes, columns, queries, rows, and lists of them."""
    found: dict[Class, None] = {}
    for atom in values:
        match atom:
            case About(cls) | ColumnRef(cls) | Statement(_, cls):
                found[cls] = None
            case ClassRef(cls) if cls.is_model:
                found[cls] = None
            case Listing(items):
                found.update(dict.fromkeys(model for item in items[:8] for model in models_in(item)))
    return list(found)


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
    wrapper: Values = UNKNOWN  #: what a decorator makes of it that starts work of its own
    guard: frozenset[str] | None = None  #: the HTTP methods for which its decorators call it; None for all
    generator: bool | None = None  #: whether it yields, computed on first use
    assigned: dict[str, ast.expr | None] | None = None  #: what its names are assigned first, computed on first use
    shared: frozenset[str] | None = None  #: names of its module that it sets (``global``), computed on first use

    @property
    def qualified(self) -> str:
        """Evaluate ``Class.method`` or the function's name."""
        return f"{self.cls.name}.{self.name}" if self.cls else self.name

    def sets_globally(self, name: str) -> bool:
        """Return whether it declares ``global name``."""
        if self.shared is None:
            parts = () if isinstance(self.node, ast.Lambda) else statements_of(self.node)
            declared = [part for part in parts if isinstance(part, ast.Global)]
            self.shared = frozenset(name for part in declared for name in part.names)
        return name in self.shared

    @property
    def is_generator(self) -> bool:
        """Return whether it yields."""
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
    """A class of the tree, or one of our own that a tree may use without containing it."""

    name: str
    module: Module | None
    frame: "Frame"
    bases: tuple[Values, ...] = ()
    fields: dict[str, FieldOf] = field(default_factory=dict)
    keywords: dict[str, Values] = field(default_factory=dict)
    table: str = ""
    parameters: tuple[Values, ...] = ()
    known_ancestry: "tuple[tuple[Values, ...], list[Class]] | None" = None  #: for these bases, computed on first use
    words: Sequence[ast.keyword] = ()  #: those of its definition: ``metaclass=Singleton``
    decorators: tuple[str, ...] = ()
    single: bool | None = None  #: see :attr:`is_single`, computed on first use
    filled: bool | None = None  #: see :attr:`is_filled`, computed on first use
    collaborators: frozenset[str] | None = None  #: attributes that only its ``__init__`` sets, computed on first use

    def ancestry(self) -> "list[Class]":
        """Return the class and its ancestors in the tree, nearest first."""
        if self.known_ancestry is None or self.known_ancestry[0] is not self.bases:
            found = {self: None}
            waiting = [self]
            while waiting:
                own = [atom.cls for base in waiting.pop(0).bases for atom in base if isinstance(atom, ClassRef)]
                waiting += [cls for cls in own if cls not in found]
                found |= dict.fromkeys(own)
            self.known_ancestry = self.bases, list(found)
        return self.known_ancestry[1]

    def outside_bases(self) -> set[str]:
        """Return last names of the ancestors outside the tree."""
        return {
            atom.name.rsplit(".", 1)[-1]
            for cls in self.ancestry()
            for base in cls.bases
            for atom in base
            if isinstance(atom, External | Made)
        }

    @property
    def is_enum(self) -> bool:
        """Return whether it is an enumeration."""
        return bool(self.outside_bases() & {"Enum", "StrEnum", "IntEnum", "Flag", "IntFlag", "TextChoices"})

    @property
    def is_text_enum(self) -> bool:
        """Return whether its members are equal to their values as text."""
        return self.is_enum and bool(self.outside_bases() & {"str", "StrEnum", "TextChoices"})

    @property
    def is_schema(self) -> bool:
        """Return whether its objects carry what a request contained: pydantic models, typed dicts."""
        return bool(
            self.outside_bases() & {"BaseModel", "SQLModel", "TypedDict", "GenericModel", "Schema", "RootModel"}
        )

    @property
    def is_model(self) -> bool:
        """Return whether it is a declarative SQLAlchemy class (SQLModel's tables too)."""
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

    @property
    def is_single(self) -> bool:
        """Return whether it has only one object: by a metaclass, base or decorator called so, or kept in the class."""
        if self.single is None:
            kept = any("instance" in name.lower() and name.startswith("_") for name in self.frame.names)
            kept = kept and any(self.lookup(name) for name in ("__new__", "get_instance", "instance", "getInstance"))
            called = [*self.decorators, *self.outside_bases(), *(cls.name for cls in self.ancestry()[1:])]
            called += [
                source_of(word.value) for cls in self.ancestry() for word in cls.words if word.arg == "metaclass"
            ]
            self.single = kept or any("singleton" in name.lower() for name in called)
        return self.single

    @property
    def is_filled(self) -> bool:
        """Return whether its objects collect something in a list until the end of their ``with``."""
        if self.filled is None:
            made = [part for function in function_in(self.lookup("__init__")) for part in ast.walk(function.node)]
            lists = (isinstance(part, ast.Assign | ast.AnnAssign) and isinstance(part.value, ast.List) for part in made)
            self.filled = bool(self.lookup("__exit__") or self.lookup("__aexit__")) and any(lists)
        return self.filled

    def lookup(self, name: str) -> Values:
        """Return a name of the class's body or of an ancestor's."""
        for cls in self.ancestry():
            if name in cls.frame.names:
                return cls.frame.names[name]
        return UNKNOWN

    def all_fields(self) -> dict[str, FieldOf]:
        """Return fields, inherited ones too."""
        found: dict[str, FieldOf] = {}
        for cls in self.ancestry():
            for name, declared in cls.fields.items():
                found.setdefault(name, declared)
        return found


def object_of(cls: Class) -> Values:
    """Return an object of ``cls``: a row of a model, a member of an enum, or an instance."""
    return one(AnyMember(cls) if cls.is_enum else About(cls) if cls.is_model else Instance(cls))


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


@dataclass(slots=True)
class Arguments:
    """What a call passes. ``open``: there was a ``*`` or ``**`` of unknown content."""

    positional: list[Values] = field(default_factory=list)
    keywords: dict[str, Values] = field(default_factory=dict)
    nodes: Sequence[ast.expr] = ()
    open: bool = False

    def get(self, position: int, *names: str) -> Values:
        """Return the argument at ``position``, or by one of ``names``."""
        for name in names:
            if name in self.keywords:
                return self.keywords[name]
        return self.positional[position] if 0 <= position < len(self.positional) else UNKNOWN

    def all(self) -> list[Values]:
        """Return every argument's value."""
        return [*self.positional, *self.keywords.values()]


@dataclass(slots=True)
class Summary:
    """What a call of a function gave and did."""

    value: Values
    effects: list[Effect]


class Call:
    """A call with its parts evaluated."""

    def __init__(
        self, node: ast.Call, name: str, owners: Values, callees: Values, arguments: Arguments, before: int
    ) -> None:
        self.before = before  #: how many effects the frame had before the arguments were evaluated
        self.node, self.name, self.owners, self.callees, self.arguments = node, name, owners, callees, arguments
        self.externals = names_of(callees)  #: dotted names of what is called outside the tree
        self.owner_names = names_of(owners)
        self.is_foreign = not any(isinstance(atom, Func | Partial | ClassRef | Registering) for atom in callees)

    @cached_property
    def owner_source(self) -> str:
        """Return the source of what the method is called on."""
        return source_of(self.node.func.value) if isinstance(self.node.func, ast.Attribute) else ""


def statements_of(tree: ast.AST) -> list[ast.AST]:
    """Return the statements of a tree, also nested ones, in the order of the source, without looking into expressions."""
    found, waiting = [], [tree]
    while waiting:
        node = waiting.pop()
        found.append(node)
        blocks = [getattr(node, name, ()) for name in ("cases", "finalbody", "orelse", "handlers", "body")]
        waiting += [part for block in blocks for part in reversed(block)]
    return found


@lru_cache(maxsize=65_536)
def source_of(node: ast.AST) -> str:
    """Return the source of a node, which many questions about one call ask for."""
    return ast.unparse(node)


def last_name(node: ast.expr) -> str:
    """Evaluate ``jobs`` of ``app.state.jobs`` and of ``jobs``; empty for what is no name."""
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def names_of(values: Values) -> list[str]:
    """Return the dotted names of what is from outside."""
    return [atom.name for atom in values if isinstance(atom, External | Made)]


def called(target: Func | Partial, given: Arguments) -> tuple[Function, Values, Arguments]:
    """Return what a call of ``target`` with ``given`` calls: the function, its receiver, and all arguments."""
    function = target.function if isinstance(target, Partial) else target
    if isinstance(target, Partial):
        positional = [*target.positional, *given.positional]
        given = Arguments(positional, {**dict(target.keywords), **given.keywords}, open=given.open)
    return function.function, one(function.receiver) if function.receiver else UNKNOWN, given


def function_in(values: Values) -> list[Function]:
    """Return the functions among ``values``."""
    return [atom.function for atom in values if isinstance(atom, Func)]


def are_handlers(values: Values) -> bool:
    """Return whether one of ``values`` is something that can be called later."""
    return any(isinstance(atom, Func | Partial) for atom in values)


def entry_of(mapping: Mapping, key: Values) -> Values:
    """Return a dict's entry for ``key``; any entry when the key is not known."""
    exact = [value for known, value in mapping.items if not known or any(atom in key for atom in known)]
    return join(*exact) if exact else UNKNOWN if any(isinstance(k, Const | Member | ClassRef | Func) for k in key) else join(
        *(value for _, value in mapping.items)
    )  # fmt: skip


MAX_ITERATIONS = 500


def with_entry(values: Values, key: Values, value: Values) -> Values:
    """Return a dict after ``d[key] = value``."""
    return Values(
        Mapping((*(entry for entry in atom.items if entry[0] != key), (key, value)))
        if isinstance(atom, Mapping)
        else atom
        for atom in values
    )


def without(values: Values, keys: Values) -> Values:
    """Return a dict after ``del d[key]``, or after it for each of several keys."""
    gone = texts(keys)
    return Values(
        Mapping(tuple(entry for entry in atom.items if text_of(entry[0]) not in gone))
        if isinstance(atom, Mapping)
        else atom
        for atom in values
    )


def item_of(values: Values, index: int, exact: int = 0) -> Values:
    """Return one item of a list or tuple; of what comes from a model, the same."""
    found: list[Values] = []
    for atom in values:
        match atom:
            case Listing(items) if (not exact or len(items) == exact) and index < len(items):
                found.append(items[index])
            case Listing(items):
                found.extend(items)
            case About():
                found.append(one(atom))
    return join(*found)


def items_of(values: Values) -> list[Values]:
    """Return what a loop over ``values`` binds, one after the other."""
    rounds: list[Values] = []
    for atom in values:
        match atom:
            case Listing(items):
                rounds.extend(items)
            case Mapping(entries):
                rounds.extend(key for key, _ in entries)
            case About():
                rounds.append(one(atom))
            case _:
                rounds.extend(one(About(model)) for model in models_in(one(atom)))
    return rounds[:MAX_ITERATIONS] or [UNKNOWN]
