"""What is known beside the tree: our own models, statuses and jobs; and the models of the tree by name and table."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

from scripts.commands.crosswalk.audit.values import (
    HOLE,
    UNKNOWN,
    Class,
    ClassRef,
    External,
    FieldOf,
    Frame,
    Function,
    Module,
    Values,
    one,
)
from scripts.commands.crosswalk.audit.vocabulary import Vocabulary

SNAKE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
LOCAL = re.compile(
    r"^(?:https?|wss?)://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::[\w￼]+)?(?=/|$|￼)", re.IGNORECASE
)
OWN_BASE = re.compile(
    r"base_url|self_url|own_url|internal|app_url|api_url|api_base|server_url|backend_url|service_url|host|port", re.I
)
OUTER_BASE = re.compile(r"google|openai|stripe|github|slack|ollama|telegram|facebook|aws|anthropic|vendor|third", re.I)


class Known:
    """``models``: our table's fields by model, e.g. ``{"Domain": ("domains", {"status": ("New", …)})}``."""

    def __init__(
        self,
        models: dict[str, tuple[str, dict[str, tuple[str, ...]]]],
        jobs: Iterable[str] = (),
        vocabulary: Vocabulary | None = None,
    ) -> None:
        self.vocabulary = vocabulary or Vocabulary()
        models = dict(models)
        for name, columns in self.vocabulary.models.items():
            models[name] = (snake(name), dict.fromkeys(columns, ()))
        self.ours = {}
        self._words = {name: fields for name, (_, fields) in models.items()}
        self._jobs = set(jobs)
        self.models: dict[str, Class] = {}
        self._tables: dict[str, Class] = {}
        self.self_calls: list[tuple[str, tuple[str, ...]]] = []
        empty = Module("known", Path(), "", ast.Module([], []), package=False)
        for name, (table, fields) in models.items():
            cls = Class(name, None, Frame(empty, {}), table=table)
            cls.fields = {field: FieldOf(None, UNKNOWN, empty.tree) for field in fields}
            self.ours[name] = cls

    def named(self, source: str, name: str) -> Values:
        """A name from outside: one of our models when it is imported from models, else just the name."""
        if name in self.ours and ("models" in source or name in self.vocabulary.models):
            return one(ClassRef(self.ours[name]))
        return one(External(f"{source}.{name}" if source else name))

    def is_job(self, function: Function) -> bool:
        """Whether it is one of our jobs, or of those that the vocabulary names."""
        if self.vocabulary.is_job(f"{function.module.name}.{function.name}"):
            return True
        return f"{function.module.name.rsplit('.', 2)[-2]}.{function.module.path.stem}.{function.name}" in self._jobs if (
            function.module.name.count(".")
        ) else False  # fmt: skip

    def model(self, cls: Class) -> None:
        """A model of the tree."""
        self.models.setdefault(cls.name, cls)
        if cls.table:
            self._tables.setdefault(cls.table, cls)

    def model_named(self, name: str) -> Class | None:
        """A model by its class's name."""
        return self.models.get(name)

    def table(self, name: str, frame: Frame) -> Class:
        """The model of a table; a table of no model stands for itself."""
        ours = {cls.table: cls for cls in self.ours.values()}
        found = self._tables.get(name) or self._by_plural(name) or ours.get(name)
        if found is None:
            found = Class(name.replace(HOLE, "…") or "…", None, Frame(frame.module, {}), table=name)
            self._tables[name] = found
        return found

    def _by_plural(self, name: str) -> Class | None:
        for cls in self.models.values():
            if not cls.table and snake(cls.name) in (name, name.removesuffix("s"), re.sub(r"ies$", "y", name)):
                return cls
        return None

    def words_of(self, cls: Class, field: str) -> tuple[str, ...]:
        """The words of a field of one of our models, when it is ours and not the tree's own."""
        return self._words.get(cls.name, {}).get(field, ()) if cls.module is None else ()

    def is_candidate(self, url: str, holes: tuple[str, ...]) -> bool:
        """Whether a url may be our own: this machine's, or one that starts with a base url from settings or the request."""
        if LOCAL.match(url):
            return True
        if not url.startswith(HOLE) or not holes:
            return False
        name, _, assigned = holes[0].partition(" = ")
        return bool(OWN_BASE.search(assigned or name)) and not OUTER_BASE.search(holes[0])


def snake(name: str) -> str:
    """``LocalBusiness`` → ``local_business``."""
    return SNAKE.sub("_", name).lower()
