"""What an expression may be: a set of atoms. The empty set means that nothing is known."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit.values import Ordered

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.scope import Class, Function, Module

HOLE = "\ufffc"
"""Stands in a text for a part that is not known."""
MAX_ATOMS = 32
"""A value that may be more than this is not known."""
MAX_SIZE = 2_000
"""Values in a list or dict, those inside of its own lists and dicts too."""


@dataclass(frozen=True, slots=True)
class Const:
    """A literal."""

    value: object


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


@dataclass(frozen=True, slots=True)
class Listing:
    """A list, tuple or set, item by item; of one that grew beyond :data:`MAX_SIZE`, nothing is known."""

    items: tuple["Values", ...]
    size: int = field(default=0, init=False, compare=False)

    def __post_init__(self) -> None:
        _measure(self, self.items)


@dataclass(frozen=True, slots=True)
class Mapping:
    """A dict, entry by entry; of one that grew beyond :data:`MAX_SIZE`, nothing is known."""

    items: tuple[tuple["Values", "Values"], ...]
    size: int = field(default=0, init=False, compare=False)

    def __post_init__(self) -> None:
        _measure(self, (value for entry in self.items for value in entry))


@dataclass(frozen=True, slots=True)
class Statement:
    """``insert(Model)``, ``update(Model)``: until its values are given, nothing is written."""

    kind: str
    cls: "Class"


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
    | AnyOf | Anything | ColumnRef | ColumnType | Listing | Mapping | Statement | Sql | Router | Registering | Dependency
)  # fmt: skip
Values = Ordered[Atom]
UNKNOWN = Values()


def _measure(atom: Listing | Mapping, inside: Iterable[Values]) -> None:
    """Keeps what loops and recursion nest in each other from growing without end."""
    size = 1 + sum(other.size if isinstance(other, Listing | Mapping) else 1 for values in inside for other in values)
    object.__setattr__(atom, "size", size if size <= MAX_SIZE else 1)
    if size > MAX_SIZE:
        object.__setattr__(atom, "items", ())


def one(atom: Atom) -> Values:
    """The value that is just ``atom``."""
    return Values((atom,))


def join(*several: Values) -> Values:
    """What may be any of ``several``."""
    filled = [values for values in several if values]
    if len(filled) < 2:
        return filled[0] if filled else UNKNOWN
    joined = Values(atom for values in filled for atom in values)
    return joined if len(joined) <= MAX_ATOMS else UNKNOWN


def texts(values: Values) -> list[str]:
    """The literal texts among ``values``, in order."""
    return sorted(atom.value for atom in values if isinstance(atom, Const) and isinstance(atom.value, str))


def text_of(values: Values) -> str | None:
    """The one text that ``values`` is, if it is one."""
    found = texts(values)
    return found[0] if len(found) == 1 else None


def models_in(values: Values) -> list["Class"]:
    """The models that ``values`` comes from: classes, columns, queries, rows, and lists of them."""
    found: dict[Class, None] = {}
    for atom in values:
        match atom:
            case About(cls) | ColumnRef(cls) | Statement(_, cls):
                found[cls] = None
            case ClassRef(cls) if cls.is_model:
                found[cls] = None
            case Listing(items):
                found.update(dict.fromkeys(model for item in items[:8] for model in models_in(item)))
            case _:
                pass
    return list(found)
