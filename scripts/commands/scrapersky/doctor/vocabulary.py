"""The vocabularies and the table of transitions: the database's words against Python's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from scrapersky.status import transitions
from scrapersky.vocabulary import Curation, Status
from scripts.commands.scrapersky.doctor.finding import Finding

WORDS: dict[str, type[StrEnum]] = {"work_status": Status, "curation_status": Curation}

LABELS = text("""
SELECT enumlabel FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid
WHERE typname = :name AND typnamespace = current_schema()::regnamespace ORDER BY enumsortorder
""")


def check_vocabularies(connection: Connection) -> Iterator[Finding]:
    """Words that differ, or stand in another order."""
    for name, words in WORDS.items():
        has = list(connection.execute(LABELS, {"name": name}).scalars())
        wanted = [word.value for word in words]
        if has != wanted:
            yield Finding(
                check="enum_differs",
                what=f"{name} has the words {', '.join(has) or '(none)'}; Python has {', '.join(wanted)}",
                where=f"type {name}",
                why="a row with a word that the other side does not know fails every statement that reads or writes it;"
                " ten outages came from this",
                mend=tuple(_mend(name, has, wanted)),
            )


def _mend(name: str, has: Sequence[str], wanted: Sequence[str]) -> Iterator[str]:
    """Renames a word in the place of another, adds those that are missing; nothing can take one away or move it."""
    words = list(has)
    for place, word in enumerate(wanted):
        if word in words:
            continue
        if place < len(words) and words[place] not in wanted:
            yield f"ALTER TYPE {name} RENAME VALUE '{words[place]}' TO '{word}';"
            words[place] = word
        else:
            where = f"AFTER '{wanted[place - 1]}'" if place else f"BEFORE '{words[0]}'" if words else ""
            yield f"ALTER TYPE {name} ADD VALUE '{word}' {where}".rstrip() + ";"
            words.insert(place, word)
    if words != list(wanted):
        yield f"-- the order or a word too many is left: write a migration that makes {name} anew and converts its columns"


def check_transitions(connection: Connection) -> Iterator[Finding]:
    """What the guard allows against :mod:`scrapersky.status.transitions`."""
    asked = text("SELECT coalesce(array_to_string(next_statuses(CAST(:before AS work_status)), ','), '')")
    for before in (None, *Status):
        wanted = transitions.CREATED if before is None else transitions.ALLOWED[before]
        try:
            told = connection.execute(asked, {"before": before}).scalar_one()
        except DBAPIError:
            return  # the function or the words are not there: other checks say so
        has = {word for word in told.split(",") if word}
        if has != {status.value for status in wanted}:
            yield Finding(
                check="transitions_differ",
                what=f"the database lets {before or 'a new record'} go to {', '.join(sorted(has)) or 'nothing'};"
                f" the table says {', '.join(sorted(wanted))}",
                where="function next_statuses(work_status)",
                why="hands and routers may bring a record where no service expects it, or are refused what is right;"
                " what mends it stands at the function's own finding",
            )
