"""What is known beside the tree: our own models, statuses and jobs; and the models of the tree by name and table."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

from scripts.commands.crosswalk.audit import values as v
from scripts.commands.crosswalk.audit.vocabulary import Vocabulary

SNAKE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
LOCAL = re.compile(
    r"^(?:https?|wss?)://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::[\w￼]+)?(?=/|$|￼)", re.IGNORECASE
)
OWN_BASE = re.compile(r"request\.|url_for")


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
        self.models: dict[str, v.Class] = {}
        self._tables: dict[str, v.Class] = {}
        self.self_calls: list[tuple[str, tuple[str, ...]]] = []
        empty = v.Module("known", Path(), "", ast.Module([], []), package=False)
        for name, (table, fields) in models.items():
            cls = v.Class(name, None, v.Frame(empty, {}), table=table)
            cls.fields = {field: v.FieldOf(None, v.UNKNOWN, empty.tree) for field in fields}
            self.ours[name] = cls

    def named(self, source: str, name: str) -> v.Values:
        """Return a name from outside: one of our models when it is imported from models, else just the name."""
        if name in self.ours and ("models" in source or name in self.vocabulary.models):
            return v.one(v.ClassRef(self.ours[name]))
        return v.one(v.External(f"{source}.{name}" if source else name))

    def is_job(self, function: v.Function) -> bool:
        """Return whether it is one of our jobs, or of those that the vocabulary names."""
        if self.vocabulary.is_job(f"{function.module.name}.{function.name}"):
            return True
        return f"{function.module.name.rsplit('.', 2)[-2]}.{function.module.path.stem}.{function.name}" in self._jobs if (
            function.module.name.count(".")
        ) else False  # fmt: skip

    def model(self, cls: v.Class) -> None:
        """Return a model of the tree."""
        self.models.setdefault(cls.name, cls)
        if cls.table:
            self._tables.setdefault(cls.table, cls)

    def model_named(self, name: str) -> v.Class | None:
        """Return a model by its class's name."""
        return self.models.get(name)

    def table(self, name: str, frame: v.Frame) -> v.Class:
        """Return the model of a table; a table of no model stands for itself."""
        ours = {cls.table: cls for cls in self.ours.values()}
        found = self._tables.get(name) or self._by_plural(name) or ours.get(name)
        if found is None:
            found = v.Class(name.replace(v.HOLE, "…") or "…", None, v.Frame(frame.module, {}), table=name)
            self._tables[name] = found
        return found

    def _by_plural(self, name: str) -> v.Class | None:
        for cls in self.models.values():
            if not cls.table and snake(cls.name) in (name, name.removesuffix("s"), re.sub(r"ies$", "y", name)):
                return cls
        return None

    def words_of(self, cls: v.Class, field: str) -> tuple[str, ...]:
        """Return the words of a field of one of our models, when it is ours and not the tree's own."""
        return self._words.get(cls.name, {}).get(field, ()) if cls.module is None else ()

    def is_candidate(self, url: str, holes: tuple[str, ...]) -> bool:
        """Return whether a URL is surely our own: of this machine, or built from the request."""
        return bool(LOCAL.match(url)) or (url.startswith(v.HOLE) and OWN_BASE.search("|".join(holes[:1])) is not None)


def snake(name: str) -> str:
    """Evaluate ``LocalBusiness`` → ``local_business``."""
    return SNAKE.sub("_", name).lower()
