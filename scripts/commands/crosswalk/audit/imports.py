"""Imports: names of the tree where the file is there, else names from outside."""

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit.atoms import External, ModuleRef, Values, one
from scripts.commands.crosswalk.audit.scope import Frame

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.interpreter import Interpreter


def execute(run: "Interpreter", node: ast.Import | ast.ImportFrom, frame: Frame) -> None:
    """Binds what an import statement binds."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            found = _module(run, alias.name, frame)
            if found == one(External(alias.name)) and run.project.lacks(alias.name, frame.module.path):
                run.notes.append((frame.module.path, node.lineno, f"imports {alias.name}, which the tree lacks"))
            if alias.asname:
                frame.names[alias.asname] = found
            else:
                first = alias.name.split(".", 1)[0]
                frame.names[first] = _module(run, first, frame)
        return
    source = node.module or ""
    path = (
        run.project.relative(frame.module, node.level, node.module)
        if node.level
        else run.project.find(source, frame.module.path)
    )
    if path is None and not node.level and run.project.lacks(source, frame.module.path):
        run.notes.append((frame.module.path, node.lineno, f"imports {source}, which the tree lacks"))
    for alias in node.names:
        if alias.name == "*":
            _star(run, path, frame)
        else:
            frame.names[alias.asname or alias.name] = _member(run, path, node, alias.name, frame)


def _module(run: "Interpreter", dotted: str, frame: Frame) -> Values:
    path = run.project.find(dotted, frame.module.path)
    module = run.module(path) if path else None
    return one(ModuleRef(module)) if module else one(External(dotted))


def _member(run: "Interpreter", path: Path | None, node: ast.ImportFrom, name: str, frame: Frame) -> Values:
    source = "." * node.level + (node.module or "")
    if path is not None:
        module = run.module(path)
        if module is None:
            return one(External(f"{source}.{name}"))
        return run.member_of(module, name) or one(External(f"{source}.{name}"))
    folder = _folder(run, node, frame)
    inner = run.project.beside(folder, name) if folder else None
    module = run.module(inner) if inner else None
    return one(ModuleRef(module)) if module else run.known.named(source, name)


def _folder(run: "Interpreter", node: ast.ImportFrom, frame: Frame) -> Path | None:
    if not node.level:
        return run.project.folder(node.module, frame.module.path) if node.module else None
    folder = frame.module.path.parent
    for _ in range(node.level - 1):
        folder = folder.parent
    return folder.joinpath(*node.module.split(".")) if node.module else folder


def _star(run: "Interpreter", path: Path | None, frame: Frame) -> None:
    module = run.module(path) if path else None
    if module is None or module.frame is None:
        return
    frame.names.update({name: value for name, value in module.frame.names.items() if not name.startswith("_")})
