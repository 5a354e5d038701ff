"""What a route does, found where it is done, with the calls that lead there."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

Start = Literal[
    "job", "scheduler", "background_task", "task", "thread", "task_queue", "memory_queue", "aws", "self_http"
]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the source; line from 1, column from 1."""

    path: Path
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing done at ``place``. ``through`` is the chain of helpers from the handler to it."""

    place: Place
    through: tuple[str, ...] = ()
    deferred: bool = False  #: done by work that the route started, not by the route
    methods: frozenset[str] | None = None  #: only for these HTTP methods (``if request.method == "POST"``)
    guessed: bool = False  #: the class of the object is a guess from names or arguments
    lasts: bool | None = None  #: whether it is committed; None when that depends on the rest of the route

    def by_way_of(self, helper: str, methods: frozenset[str] | None) -> "Effect":
        """Return the same effect, seen from a caller of ``helper`` that is limited to ``methods``."""
        return replace(self.only(methods), through=(helper, *self.through))

    def only(self, methods: frozenset[str] | None) -> "Effect":
        """Return the same effect, limited to ``methods``."""
        both = self.methods if methods is None else methods if self.methods is None else self.methods & methods
        return replace(self, methods=both)


@dataclass(frozen=True, slots=True)
class StatusWrite(Effect):
    """A status field of a model is set. ``values`` are words; see :mod:`.written` for the marks of what is not known."""

    model: str = ""
    field: str = ""
    values: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()  #: words that the request may choose
    free: bool = False  #: the client's own text, not checked by an enum or Literal
    open: bool = False  #: the request, or something not known, decides freely
    foreign: tuple[str, ...] = ()  #: those of values and chosen that the field does not know
    vocabulary: tuple[str, ...] = ()  #: what the field knows; empty when it is free text
    implied: tuple[str, ...] = ()  #: what the enum knows whose members are written into free text
    named: bool = False  #: the words are values of an enum's members
    declared: bool = False  #: the tree has a class with this column
    initial: str = ""  #: what a new row has, when it is free text
    via: str = "attribute"


@dataclass(frozen=True, slots=True)
class ModelWrite(Effect):
    """A row is added, changed or deleted."""

    model: str = ""
    via: str = ""
    kept: bool = True  #: False for a changed attribute, which only a commit makes lasting


@dataclass(frozen=True, slots=True)
class Commit(Effect):
    """A transaction is committed. ``managed``: by the generator that hands out the session, for every request."""

    managed: bool = False


def is_committed(effects: Iterable[Effect]) -> bool:
    """Return whether the session that is open at the end of ``effects`` is committed."""
    return any(
        isinstance(effect, Commit) or (isinstance(effect, ModelWrite) and effect.kept)
        for effect in effects
        if effect.lasts is None
    )


@dataclass(frozen=True, slots=True)
class Ended(Effect):
    """A function waits for a thread or process that another function started at ``start``."""

    start: str = ""


@dataclass(frozen=True, slots=True)
class LeavesTree(Effect):
    """A function from outside the tree is called whose name suggests a queue."""

    what: str = ""


@dataclass(frozen=True, slots=True)
class StartsWork(Effect):
    """Background work is started, run, or its scheduler changed."""

    kind: Start = "job"
    what: str = ""
    once: bool = False  #: begun by the first request of all, and not again
