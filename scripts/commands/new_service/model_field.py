"""The model's new lines: the watched field with its companions, and the constraints that go with them."""

import ast
import re

from scripts.commands.new_service.change import inserted
from scripts.commands.new_service.wish import Refused, Wish

STORAGE = '{"postgresql_with": base.WATCHED_STORAGE}'
NEEDED = {"datetime": "datetime", "scrapersky.models": "base", "scrapersky.models.vocabulary": "Status"}


def is_first_watched_field(text: str) -> bool:
    """Whether the model in ``text`` has no watched field yet, so that its table is stored like any other."""
    return "base.WATCHED_STORAGE" not in text


def with_field(text: str, wish: Wish) -> str:
    """``text`` of the model's file with the field. Raises :class:`Refused` when the file is not as this tool knows it."""
    tree = ast.parse(text)
    name = wish.model.__name__
    (model,) = [one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == name]
    arguments = [
        one.value
        for one in model.body
        if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "__table_args__"
    ]
    if not arguments or not isinstance(arguments[0], ast.Tuple):
        raise Refused(f"{name} has no tuple __table_args__ that the field's constraints could be added to")
    parts = [ast.get_source_segment(text, one) or "" for one in arguments[0].elts]
    options = isinstance(arguments[0].elts[-1], ast.Dict)
    if options and is_first_watched_field(text):
        raise Refused(f"{name}.__table_args__ ends in options of its own: add base.WATCHED_STORAGE to them first")
    host = f', host="{wish.host}"' if wish.host else ""
    prefix = f', "{wish.prefix}"' if wish.prefix or host else ""
    parts.insert(
        len(parts) - 1 if options else len(parts),
        f'*base.watched_constraints("{wish.model.__tablename__}"{prefix}{host})',
    )
    parts += [] if options else [STORAGE]
    replaced = f"    __table_args__ = ({', '.join(parts)},)\n"
    fields = "\n" + "".join(
        f"    {wish.prefix}{field}: Mapped[{kind}] = base.{made}()\n"
        for field, kind, made in (
            ("status", "Status", "watched"),
            ("due_at", "datetime | None", "due_at"),
            ("failures", "int", "failures"),
            ("error_code", "str | None", "error_code"),
            ("error", "str | None", "error_text"),
        )
    )
    end = model.end_lineno or model.lineno
    text = inserted(text, [(end + 1, fields)])
    lines = text.splitlines(keepends=True)
    lines[_line_of(model) - 1 : arguments[0].end_lineno] = [replaced]
    return _told(_imported("".join(lines), tree), wish)


def _line_of(model: ast.ClassDef) -> int:
    return next(
        one.lineno
        for one in model.body
        if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "__table_args__"
    )


def _imported(text: str, tree: ast.Module) -> str:
    """What the field's lines name, imported; ruff puts the imports in order."""
    there = {(one.module, alias.name) for one in tree.body if isinstance(one, ast.ImportFrom) for alias in one.names}
    first = next(one.lineno for one in tree.body if isinstance(one, ast.Import | ast.ImportFrom))
    missing = [f"from {module} import {name}\n" for module, name in NEEDED.items() if (module, name) not in there]
    return inserted(text, [(first, "".join(missing))])


def _told(text: str, wish: Wish) -> str:
    """The model's docstring names its workflows, where it has a sentence for them."""
    more = f"; {wish.workflow.replace('_', ' ')}, on ``{wish.field}``"
    return re.sub(r"Workflows?: ([^.]+)\.", lambda said: f"Workflows: {said[1]}{more}.", text, count=1)
