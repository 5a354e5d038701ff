"""What a code base calls its statuses and jobs: detected, or read from a file (TOML).

[statuses]
fields = ["status", "*_status", "state"]        # globs; instead of the first two
not_fields = ["http_status"]
words = ["pending", "running", "done", "failed"] # of columns that are free text
machine = ["running", "done", "failed"]          # those that only a worker may set, in whatever field

[models]                                         # classes that come from outside the tree, with their status fields
Job = ["state"]

[jobs]
functions = ["worker.tasks.*", "run_*"]          # globs of module.function; a router must not call them"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Enum

from scrapersky.models import Base
from scrapersky.runtime.registry import WORKFLOWS
from scrapersky.vocabulary import Curation, Status
from scripts.commands.crosswalk.audit.values import word_set

STATUS_WORDS: tuple[str, ...] = tuple(Status)
CURATION_WORDS: tuple[str, ...] = tuple(Curation)
MACHINE_WORDS = frozenset({Status.PROCESSING.value, Status.COMPLETED.value, Status.ERROR.value})


@cache
def watched() -> dict[str, tuple[str, dict[str, tuple[str, ...]]]]:
    """Return each of our models: its table, and the words of each status field."""
    found = {}
    for mapper in Base.registry.mappers:
        fields = {
            column.key: tuple(column.type.enums)
            for column in mapper.local_table.columns
            if isinstance(column.type, Enum) and (column.key == "status" or column.key.endswith("_status"))
        }
        found[mapper.class_.__name__] = (str(mapper.local_table), fields)
    return found


@cache
def jobs() -> frozenset[str]:
    """Return our jobs as ``folder.module.function``, from the registry."""
    return frozenset(workflow.job.replace(":", ".") for workflow in WORKFLOWS.values())


KNOWN: Mapping[str, frozenset[str]] = {
    "statuses": frozenset({"fields", "not_fields", "words", "machine"}),
    "jobs": frozenset({"functions"}),
}
WAITING = word_set("queued enqueued pending new created submitted scheduled waiting todo not_started unprocessed idle")
AWAITING = ("await", "waiting_", "pending_", "queued_")
"""How further words for waiting begin: ``awaiting_start``."""
MACHINE_LIKE = word_set("processing in_process in_processing running executing")
"""Words for work in progress that are not used for the work of people."""
WORKING = MACHINE_LIKE | {"in_progress", "inprogress", "started", "ongoing", "working"}
DONE = word_set("completed complete done finished success succeeded successful ok processed")
FAILED = word_set("error failed fail failure errored crashed timed_out timeout")


PERIODIC = re.compile(r"(^|_)(every_\w+|minutely|hourly|daily|nightly|weekly|monthly|periodic(ally)?|cron)(_|$)")


@cache
def is_periodic(name: str) -> bool:
    """Return whether a function or decorator of this name registers a job with a scheduler of the project's own."""
    return PERIODIC.search(name) is not None


class VocabularyError(ValueError):
    """The file cannot be used; the message says where and why."""


@dataclass(frozen=True)
class Vocabulary:
    """``custom_words``, ``custom_machine``: whether a file names the words, and those of a worker; otherwise a field's
    own words decide."""

    fields: Sequence[str] = ("status", "*_status")
    not_fields: Sequence[str] = ("http_status", "response_status")
    words: Sequence[str] = (*STATUS_WORDS, *CURATION_WORDS)
    machine: frozenset[str] = MACHINE_WORDS
    custom_words: bool = False
    custom_machine: bool = False
    jobs: Sequence[str] = ()
    models: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def is_status(self, name: str) -> bool:
        """Return whether a column of this name is a status field. ``http_status`` is the answer of a server."""
        return _fits(name, self.fields) and not _fits(name, self.not_fields)

    def is_job(self, dotted: str) -> bool:
        """Return whether a function, as ``package.module.name``, is a background job."""
        return any(fnmatchcase(dotted, glob) or fnmatchcase(dotted, f"*.{glob}") for glob in self.jobs)

    def is_work(self, words: Sequence[str]) -> bool:
        """Return whether a field with these words is one that a machine drives: they know waiting and working, or failing.

        Work of people has words too (todo, in progress, done), and people set them.
        """
        if not words:
            return True
        if self.custom_machine:
            return bool(self.machine & set(words))
        plain = {_plain(word) for word in words}
        driven = (
            plain & MACHINE_LIKE
            or (plain & FAILED and plain & (WORKING | DONE))
            or ("queued" in plain and plain & WORKING)
        )
        return bool(driven) and any(word in WAITING or word.startswith(AWAITING) for word in plain)

    def is_machine(self, word: str, words: Sequence[str]) -> bool:
        """Return whether only a worker may set ``word`` in a field with these ``words`` (none: free text)."""
        if self.custom_machine or not words:
            return word in self.machine
        return _plain(word) in WORKING | DONE | FAILED


def _plain(word: str) -> str:
    return word.lower().replace(" ", "_").replace("-", "_")


def _fits(name: str, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)


def load(path: Path) -> Vocabulary:
    """Read the vocabulary of a file. Raise :class:`VocabularyError`."""
    try:
        sections = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise VocabularyError(f"{path}: {error}") from None
    if unknown := set(sections) - {*KNOWN, "models"}:
        raise VocabularyError(f"{path}: [{min(unknown)}] is unknown; valid are [statuses], [models] and [jobs]")
    found: dict[str, Any] = {}
    for section, names in KNOWN.items():
        given = sections.get(section, {})
        if unknown := set(given) - names:
            right = ", ".join(sorted(names))
            raise VocabularyError(f"{path}: {section}.{min(unknown)} is unknown; valid are {right}")
        found |= {name: _texts(path, f"{section}.{name}", value) for name, value in given.items()}
    models = {name: _texts(path, f"models.{name}", fields) for name, fields in sections.get("models", {}).items()}
    if "words" in found:
        found["custom_words"] = True
    if "functions" in found:
        found["jobs"] = found.pop("functions")
    if "machine" in found:
        found |= {"machine": frozenset(found["machine"]), "custom_machine": True}
    return Vocabulary(**found, models=models)


def _texts(path: Path, name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise VocabularyError(f"{path}: {name} = {value!r}: must be a list of names")
    return tuple(value)
