"""From effects to findings: each rule has a code, why it matters, and what would be right."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from scripts.commands.crosswalk.audit.analysis import Analysis
from scripts.commands.crosswalk.audit.effects import (
    Commit,
    Effect,
    Ended,
    ModelWrite,
    Place,
    StartsWork,
    StatusWrite,
    is_committed,
)
from scripts.commands.crosswalk.audit.routes import Route
from scripts.commands.crosswalk.audit.vocabulary import Vocabulary

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of finding."""

    code: str
    name: str
    level: Level
    title: str
    why: str
    right: str


_RULES = (
    Rule("SKY101", "machine-status-set-by-router", "error", "A router sets a status that only the machine may set",
         "Processing, Completed and Error say what a worker did. Set by a router, a record looks done or claimed.",
         "Set Queued (or New, to cancel) and let the background service do the rest."),
    Rule("SKY102", "status-outside-vocabulary", "error", "A status is set to a word outside its field's vocabulary",
         "The database refuses it, or no service ever claims it; differing words caused ten outages.",
         "Use a member of the field's enum."),
    Rule("SKY103", "machine-status-from-request", "warning", "A request may choose a status that only the machine may set",
         "Any client can mark a record Completed, or leave it in Processing.",
         "Accept only what people decide (Queued, New, or a curation status), with an enum or Literal of its own."),
    Rule("SKY104", "free-text-status", "note", "A status in words of its own, in a field without a vocabulary",
         "Nothing refuses a misspelt status, and a query for the right word silently finds nothing.",
         "Give the column an enum, the same in Python and in the database."),
    Rule("SKY201", "job-run-by-router", "error", "A router runs a background job",
         "The job's lifecycle belongs to the scheduler: run from a request it has no claim, no lease and no retry.",
         "Set the record's status to Queued, or list the route as a manual trigger in the allow-list."),
    Rule("SKY202", "scheduler-managed-by-router", "error", "A router manages the scheduler",
         "Routers and background services interact only by models and status fields.",
         "Change the schedule by settings; for an intended manual trigger, add the route to the allow-list."),
    Rule("SKY203", "background-task", "warning", "A router starts a background task in its own process",
         "It is lost at a restart, it is not retried, and no status shows that it was lost.",
         "Queue a record by its status; for what may be lost (a mail of no consequence), allow it with that reason."),
    Rule("SKY204", "task-or-thread", "warning", "A router starts a task, thread or process that it does not wait for",
         "It is lost at a restart, its errors are not reported, and it may be garbage-collected while it runs.",
         "Await it, or queue a record by its status."),
    Rule("SKY205", "task-queue", "warning", "A router sends work to a task queue",
         "The work has no status field that people and services can see, and no crosswalk row.",
         "Set the record's status to Queued; the service takes it from there."),
    Rule("SKY206", "aws-call", "warning", "A router starts work in AWS",
         "A function, queue or state machine started by a router is a manual trigger that no document lists.",
         "Set the record's status to Queued, or list the route as a manual trigger in the allow-list."),
    Rule("SKY207", "http-call-to-itself", "warning", "A router calls its own API over HTTP",
         "It holds a request while it waits for another, and deadlocks when all workers do so.",
         "Call the function, or use a status field."),
    Rule("SKY301", "get-writes-status", "error", "A GET sets a status",
         "Crawlers, previews, prefetching and retries send GETs: the status changes without a decision.",
         "Use POST, PUT or PATCH."),
    Rule("SKY302", "get-writes", "warning", "A GET changes the database",
         "A GET is repeated, prefetched and cached freely; what it changes, changes by accident.",
         "Use POST, PUT or PATCH, or leave the write out."),
    Rule("SKY303", "get-starts-work", "error", "A GET starts background work",
         "A link preview or a retry starts it again.",
         "Use POST."),
    Rule("SKY401", "allowed-without-reason", "error", "An allow-list entry is incomplete",
         "A reader of the list cannot know whether the exception still holds.",
         "Give code, path, route or function, and reason."),
    Rule("SKY402", "allowed-in-vain", "error", "An allow-list entry matches no finding",
         "It would silently allow the next finding at that place.",
         "Remove it."),
)  # fmt: skip
RULES: dict[str, Rule] = {rule.code: rule for rule in _RULES}
STARTS = {
    "job": "SKY201", "scheduler": "SKY202", "background_task": "SKY203", "task": "SKY204", "thread": "SKY204",
    "memory_queue": "SKY204", "task_queue": "SKY205", "aws": "SKY206", "self_http": "SKY207",
}  # fmt: skip


@dataclass(slots=True, eq=False)
class Finding:
    """A rule broken at a place, by one or more routes."""

    rule: Rule
    place: Place
    what: str
    routes: list[Route] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    through: tuple[str, ...] = ()
    guessed: bool = False
    others: list[int] = field(default_factory=list)  #: further lines of the same kind, for one helper's changes

    @property
    def level(self) -> Level:
        """Return the rule's level; a note when the class of the object is a guess."""
        return "note" if self.guessed else self.rule.level

    @property
    def title(self) -> str:
        """Return the rule's title; a guess is marked as such."""
        return f"{self.rule.title} (unknown object: its class is a guess)" if self.guessed else self.rule.title

    def add_routes(self, routes: Iterable[Route]) -> None:
        """Add the routes that are not in the finding yet; equal labels of different handlers are different routes."""
        known = {(route.name, route.place) for route in self.routes}
        self.routes += [route for route in routes if (route.name, route.place) not in known]


def find(analysis: Analysis) -> list[Finding]:
    """Return all findings, each place once for a rule, in the order of the source."""
    found: dict[tuple[str, Place, str], Finding] = {}
    written = _written(analysis)
    for route, effects in analysis.routes:
        for code, effect, what in _of_route(route, effects, analysis, written):
            place, through = effect.place, effect.through
            finding = found.setdefault(
                (code, place, what), Finding(RULES[code], place, what, through=through, guessed=effect.guessed)
            )
            finding.guessed = finding.guessed and effect.guessed
            finding.add_routes([route])
            for name in (route.handler, *through):
                if name not in finding.functions:
                    finding.functions.append(name)
    return sorted(
        _grouped(found.values()), key=lambda f: (str(f.place.path), f.place.line, f.place.column, f.rule.code)
    )


Written = dict[tuple[str, str], tuple[str, ...]]


def _written(analysis: Analysis) -> Written:
    """By model and field, the words that routes and what they start write into columns that are free text, and that a new row
    has, where these words are together those of a machine: ``queued`` here, ``processing`` and ``failed`` there."""
    words: dict[tuple[str, str], set[str]] = {}
    by_all: list[Sequence[Effect]] = [analysis.by_workers, *(effects for _, effects in analysis.routes)]
    for effects in by_all:
        for effect in effects:
            if isinstance(effect, StatusWrite) and not effect.vocabulary and not effect.implied:
                own = words.setdefault((effect.model, effect.field), set())
                own.update(effect.values, [effect.initial] if effect.initial else [])
    return {
        place: tuple(sorted(all_of))
        for place, all_of in words.items()
        if all_of and analysis.vocabulary.is_work(tuple(all_of))
    }


def _grouped(findings: Iterable[Finding]) -> list[Finding]:
    """Return the changes that one helper makes on the way from a GET are one finding, at the place of the first."""
    groups: dict[object, Finding] = {}
    for finding in sorted(findings, key=lambda f: (f.place.line, f.place.column)):
        key: object = id(finding)
        if finding.rule.code == "SKY302" and finding.through:
            key = (finding.place.path, finding.through[-1])
        first = groups.setdefault(key, finding)
        if first is not finding:
            first.others.append(finding.place.line)
            first.what = _and(first.what, finding.what)
            first.add_routes(finding.routes)
            first.guessed = first.guessed and finding.guessed
            first.functions += [name for name in finding.functions if name not in first.functions]
    return list(groups.values())


def _and(first: str, more: str) -> str:
    """Evaluate ``changes A (x)`` and ``changes A (y)`` as ``changes A (x, y)``; else both."""
    head, _, inner = more.removesuffix(")").partition(" (")
    for part in first.split("; "):
        if part == more or (inner and part.startswith(f"{head} (") and inner in part[len(head) + 2 : -1].split(", ")):
            return first
        if inner and part.startswith(f"{head} ("):
            return first.replace(part, f"{part[:-1]}, {inner})")
    return f"{first}; {more}"


Found = Iterable[tuple[str, Effect, str]]


def _of_route(route: Route, effects: list[Effect], analysis: Analysis, written: Written) -> Found:
    vocabulary = analysis.vocabulary
    is_get = "GET" in route.methods or "HEAD" in route.methods
    committed = is_committed(effects)
    by_get = is_committed(effect for effect in effects if _is_by_get(effect, route))
    ended = {effect.start for effect in effects if isinstance(effect, Ended)}
    for effect in effects:
        if effect.methods is not None and not effect.methods & set(route.methods):
            continue
        in_get = is_get and _is_by_get(effect, route)
        lasting = (by_get if in_get else committed) if effect.lasts is None else effect.lasts
        match effect:
            case StatusWrite():
                # An object that is never added to a session is no row: its findings are notes.
                unsure = effect.guessed or (effect.via == "constructor" and not lasting)
                yield from _status(replace(effect, guessed=unsure), vocabulary, written)
                if in_get and not effect.deferred and (lasting or effect.via not in ("constructor", "attribute")):
                    yield "SKY301", effect, f"sets {effect.model}.{effect.field} to {words(effect)}"
            case ModelWrite() if (
                in_get and not effect.deferred and effect.via != "constructor" and (effect.kept or lasting)
            ):
                if not any(isinstance(e, StatusWrite) and _same_line(e.place, effect.place) for e in effects):
                    yield "SKY302", effect, f"changes {effect.model} ({effect.via})"
            case Commit(managed=False) if in_get and len(effect.through) <= OWN_COMMIT_DEPTH and not _writes(effects):
                yield "SKY302", effect, "commits"
            case StartsWork() if _is_start(effect, route, analysis) and str(effect.place) not in ended:
                what = effect.what.rsplit("\x00", 1)[-1]
                yield STARTS[effect.kind], effect, what
                if in_get and effect.kind not in ("self_http", "scheduler") and not effect.once:
                    yield "SKY303", effect, what


def _same_line(one: Place, other: Place) -> bool:
    return (one.path, one.line) == (other.path, other.line)


def _is_by_get(effect: Effect, route: Route) -> bool:
    """Return whether a GET does it, and it is not what the first request of all does, whatever its method."""
    if effect.methods is not None and not effect.methods & {"GET", "HEAD"} & set(route.methods):
        return False
    return isinstance(effect, StartsWork) or not any(STARTUP.match(_last(name)) for name in effect.through)


STARTUP = re.compile(
    r"(?!__)_*(init|initiali[sz]e|setup|set_up|bootstrap|migrate|seed|ensure_schema|create_all|create_tables)(_|$)"
)
"""Helpers that make a database ready when the first request comes: done once, and not because it was a GET.

A class's ``__init__`` is none: it is run for each object that a request makes."""


def _last(qualified: str) -> str:
    return qualified.rsplit(".", 1)[-1]


OWN_COMMIT_DEPTH = 2
"""Helpers between a handler and a commit that counts as its own; further down it belongs to the database's wrapper."""


def _writes(effects: list[Effect]) -> bool:
    return any(isinstance(effect, ModelWrite | StatusWrite) for effect in effects)


def words(effect: StatusWrite) -> str:
    """Return what a status may be set to, for a person."""
    parts = [*effect.values, *(f"{word} (the request's choice)" for word in effect.chosen if word not in effect.values)]
    if effect.open:
        parts.append("something not known before it runs")
    return ", ".join(parts) or "nothing"


def _status(effect: StatusWrite, vocabulary: Vocabulary, written: Written) -> Found:
    field_name = f"{effect.model}.{effect.field}"
    foreign, own = set(effect.foreign), list[str]()
    if not effect.vocabulary:
        own = [word for word in (*effect.values, *effect.chosen) if word not in vocabulary.words]
        typos = [word for word in own if _near(word, vocabulary)]
        own = [*effect.values, *effect.chosen] if effect.declared and not vocabulary.custom_words else own
        if typos and (vocabulary.custom_words or any(word in vocabulary.words for word in effect.values)):
            foreign |= set(typos)
            own = []
    if foreign:
        right = ", ".join(effect.vocabulary or vocabulary.words)
        yield "SKY102", effect, f"{field_name} = {', '.join(sorted(foreign))}; it knows {right}"
    if effect.deferred:
        return
    known_words = effect.vocabulary or effect.implied or written.get((effect.model, effect.field), ())
    is_work = vocabulary.is_work(known_words)
    machine = [
        word for word in effect.values if is_work and vocabulary.is_machine(word, known_words) and word not in foreign
    ]
    own = [word for word in own if word not in machine]
    if own and not effect.implied and not effect.named:
        yield "SKY104", effect, f"{field_name} = {', '.join(own)}: the column is free text"
    if not is_work:
        return
    if machine:
        yield "SKY101", effect, f"{field_name} = {', '.join(machine)}"
    chosen = [word for word in effect.chosen if vocabulary.is_machine(word, known_words) and word not in foreign]
    if effect.free and known_words:
        chosen = [word for word in known_words if vocabulary.is_machine(word, known_words)]
    if chosen:
        yield "SKY103", effect, f"{field_name} may become {', '.join(chosen)}"


def _near(word: str, vocabulary: Vocabulary) -> bool:
    """Return whether it is one of the words but for its case."""
    return any(own.lower() == word.lower() for own in vocabulary.words)


LOCAL = re.compile(r"^https?://[^/]*", re.IGNORECASE)


def _is_start(effect: StartsWork, route: Route, analysis: Analysis) -> bool:
    """Return a url on this machine is our own API when one of our routes ends like it."""
    if effect.kind != "self_http":
        return True
    url, holes, _ = effect.what.split("\x00")
    if re.search(r"request\.|url_for", holes):
        return True
    if not re.match(r"https?://", url):
        return False  # a base from settings may be another application's
    pieces = [piece for piece in LOCAL.sub("", url).split("?")[0].split("/") if piece]
    own = (path for app, path in analysis.self_paths if not app or not route.app or app == route.app)
    return any(_fits(pieces, path) for path in own)


def _fits(pieces: list[str], route: str) -> bool:
    known = [piece for piece in route.split("/") if piece]
    shorter = min(len(known), len(pieces))
    if not shorter or all(_is_hole(piece) for piece in known):
        return False
    pairs = list(zip(pieces[-shorter:], known[-shorter:], strict=True))
    same = sum(1 for ours, theirs in pairs if ours == theirs)
    return same > 0 and all(ours == theirs or _is_hole(theirs) or "\ufffc" in ours for ours, theirs in pairs)


def _is_hole(piece: str) -> bool:
    return piece.startswith(("{", "<"))


def relative(path: Path, root: Path) -> str:
    """Return a path as people and CI write it."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return path.as_posix()
