"""A set of atoms that is walked in the order in which it was filled.

Where only some ways of a costly function are followed, which ones they are depends on the order of what a value may be; a
plain set's order depends on the hashes of texts and on addresses in memory, and so would the findings.
"""

from collections.abc import Hashable, Iterable, Iterator, Set
from typing import TypeVar

Atom_co = TypeVar("Atom_co", bound=Hashable, covariant=True)


class Ordered(Set[Atom_co]):
    """Immutable; equal to any other of the same members, whatever their order."""

    __slots__ = ("_hashed", "_members")

    def __init__(self, members: Iterable[Atom_co] = ()) -> None:
        self._members = dict.fromkeys(members)
        self._hashed: int | None = None

    def __contains__(self, member: object) -> bool:
        return member in self._members

    def __iter__(self) -> Iterator[Atom_co]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ordered) and self._members.keys() == other._members.keys()

    def __hash__(self) -> int:
        if self._hashed is None:
            self._hashed = hash(frozenset(self._members))
        return self._hashed

    def __repr__(self) -> str:
        return f"Ordered({list(self._members)!r})"
