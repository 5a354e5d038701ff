"""The files that are analysed: which there are, what they are called, and which one an import means."""

import os
import re
import sys
import tokenize
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from scripts.commands.crosswalk.audit import newer_syntax
from scripts.commands.crosswalk.audit.values import METHODS, Module, word_set

ROUTE_DECORATORS = frozenset({*METHODS, "route", "api_route", "resolver"})
ROUTE_DECORATOR = re.compile(rf"^\s*@\w[\w.]*\.(?:{'|'.join(sorted(ROUTE_DECORATORS))})\(", re.MULTILINE)
PYTHON_2 = re.compile(
    r"^\s*(?:print\s+[\"'\w%]|exec\s+[\"'\w]|raise\s+\w+\s*,|except\s+[\w.()]+\s*,\s*[a-z_]\w*\s*:)|<>|`"
)


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that could not be read, and the number of route decorators in its text."""

    path: Path
    line: int
    reason: str
    routes: int = 0


def syntax_reason(source: str, error: SyntaxError) -> str:
    """Return why a file cannot be parsed: Python 2, an f-string of a newer Python, or an error."""
    lines = source.splitlines()
    around = lines[max((error.lineno or 1) - 2, 0) : error.lineno or 1]
    if any(PYTHON_2.search(line) for line in around):
        return f"is Python 2: {error.msg}"
    if sys.version_info < (3, 12) and (error.msg or "").startswith("f-string"):
        return f"needs Python ≥ 3.12, or has an error in an f-string: {error.msg}"
    return f"has a syntax error: {error.msg}"


SKIPPED = word_set(
    "node_modules __pycache__ site-packages dist-packages venv env virtualenv build dist cdk.out migrations alembic"
)
TESTS = frozenset({"tests", "test", "testing", "docs_src", "examples"})
ROOT_MARKS = (".git", "pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "Pipfile", "poetry.lock")
LIBRARY_DEPTH = 4
"""How deep in a repository other distributions are looked for."""
MAX_BYTES = 2_000_000
MAX_FILES = 20_000
FRAMEWORKS = word_set(
    "fastapi starlette flask sqlalchemy sqlmodel pydantic celery requests httpx aiohttp boto3 redis "
    "apscheduler dramatiq rq arq huey taskiq flask_sqlalchemy flask_restful flask_restx flask_smorest "
    "aws_lambda_powertools"
)


class Project:
    """Files under ``paths``, and those of the project around them, which are read when something imports them."""

    def __init__(self, paths: Iterable[Path], tests: bool = False) -> None:
        self.paths = [path.resolve() for path in paths]
        self.notes: list[tuple[Path, int, str]] = []
        self.unread: list[Unread] = []
        self._modules: dict[Path, Module | None] = {}
        self._tests = tests
        self._names: dict[str, bool] = {}
        """Whether a root is deployed under this name."""
        self.roots = list(dict.fromkeys(_root_of(path) for path in self.paths))
        self.chosen: list[Path] = []
        for path in self.paths:
            self.chosen += [path] if path.is_file() else self._files(path)
        self.chosen = list(dict.fromkeys(self.chosen))
        around = [file for root in self.roots for file in self._files(root)]
        self.files = list(dict.fromkeys([*self.chosen, *around]))
        self._by_suffix: dict[str, list[Path]] = {}
        for file in self.files:
            parts = _dotted(file)
            for length in range(1, min(len(parts), 12) + 1):
                self._by_suffix.setdefault(".".join(parts[-length:]), []).append(file)

    def _files(self, folder: Path) -> list[Path]:
        found: list[Path] = []
        for here, folders, files in os.walk(folder):
            if any(name.endswith(".dist-info") for name in folders) and Path(here) not in self.paths:
                folders.clear()  # installed packages, whatever their folder is called
                continue
            folders[:] = sorted(
                name
                for name in folders
                if name not in SKIPPED
                and not name.startswith(".")
                and (self._tests or name not in TESTS)
                and not (Path(here) / name / "pyvenv.cfg").exists()
            )
            named = [Path(here) / name for name in sorted(files) if name.endswith(".py") and not self._is_test(name)]
            found += [
                path for path in named if path.is_file()
            ]  # no pipe, which would be waited for, and no broken link
            if folder in self.paths:
                for name in sorted(files):
                    if name.endswith(".ipynb"):
                        self._leave_out(Path(here) / name, 1, "is a notebook: notebooks are not read")
            if len(found) > MAX_FILES:
                self.notes.append((folder, 1, f"more than {MAX_FILES} files: the rest was left out"))
                break
        return found

    def _is_test(self, name: str) -> bool:
        return not self._tests and (name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py")

    def module(self, path: Path) -> Module | None:
        """Return the parsed file; None, with a note, when it cannot be read or parsed."""
        if path not in self._modules:
            self._modules[path] = self._parse(path)
        return self._modules[path]

    def executed(self) -> list[Module]:
        """Return the modules whose execution began."""
        return [module for module in self._modules.values() if module is not None and module.frame is not None]

    def text(self, path: Path) -> str | None:
        """Return the file's text; None, with a note, when it cannot be read."""
        try:
            if path.stat().st_size > MAX_BYTES:
                self._leave_out(path, 1, f"left out: {path.stat().st_size:,} bytes, more than {MAX_BYTES:,}")
                return None
            with tokenize.open(path) as file:
                return file.read()
        except (OSError, SyntaxError, UnicodeDecodeError, LookupError) as error:
            self._leave_out(path, 1, f"cannot be read: {error}")
            return None

    def _leave_out(self, path: Path, line: int, reason: str) -> None:
        """Record a file that is not analysed, with the number of routes that its text seems to contain."""
        try:
            source = path.read_bytes()[:MAX_BYTES].decode("utf-8", errors="replace")
        except OSError:
            source = ""
        if path.suffix == ".ipynb":
            source = re.sub(r'^\s*"', "", source, flags=re.MULTILINE)  # a cell's source is a list of JSON strings
        self.notes.append((path, line, reason))
        self.unread.append(Unread(path, line, reason, len(ROUTE_DECORATOR.findall(source))))

    def _parse(self, path: Path) -> Module | None:
        source = self.text(path)
        if source is None:
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = newer_syntax.parse(source, str(path))
        except SyntaxError as error:
            self._leave_out(path, error.lineno or 1, syntax_reason(source, error))
            return None
        except (ValueError, RecursionError, MemoryError) as error:
            self._leave_out(path, 1, f"cannot be parsed: {type(error).__name__}")
            return None
        return Module(".".join(_dotted(path)), path, source, tree, path.name == "__init__.py")

    def find(self, dotted: str, importer: Path) -> Path | None:
        """Return the file that ``import dotted`` in ``importer`` means, or None for something outside the tree."""
        first = dotted.split(".", 1)[0]
        if first in FRAMEWORKS or (first in sys.stdlib_module_names):
            return None
        near = self._by_suffix.get(dotted, ())
        fitting = [path for path in near if self._is_source_root(path, dotted)]
        if not fitting and "." not in dotted and importer.parent / f"{dotted}.py" in near and _is_flat(importer.parent):
            return importer.parent / f"{dotted}.py"
        if not fitting and "." in dotted:
            starts = {path: _start_of(path, dotted) for path in near}
            fitting = [path for path, start in starts.items() if start in importer.parents and _has_script(start)]
        if not fitting and not near:
            fitting = ("." in dotted and self._renamed(dotted)) or self._of_library(dotted)
        return max(fitting, key=lambda path: (_shared(path, importer), -len(path.parts)), default=None)

    def _renamed(self, dotted: str) -> list[Path]:
        """Return the module of a root that is itself a package and is deployed under another name (``COPY backend app``).

        All that the root imports from a package of that name must be there.
        """
        name, _, rest = dotted.partition(".")
        for root in self.roots:
            if (root / "__init__.py").exists() and (path := self._inside(root, rest)):
                if name not in self._names:
                    imports = re.compile(rf"^\s*(?:from|import)\s+{re.escape(name)}\.([\w.]+)", re.MULTILINE)
                    sources = (self.text(file) or "" for file in self.files if root in file.parents)
                    wanted = {one for source in sources for one in imports.findall(source)}
                    self._names[name] = all(self._inside(root, one) for one in wanted)
                return [path] if self._names[name] else []
        return []

    def _of_library(self, dotted: str) -> list[Path]:
        """Return the module of another distribution in the repository, such as ``lib/common`` of ``services/api``."""
        found = (self._inside(folder, dotted) for folder in self._libraries)
        return [path for path in found if path is not None]

    @cached_property
    def _libraries(self) -> list[Path]:
        """The folders of the repository's other distributions, and their ``src``, that packages are imported from."""
        found = []
        for repository in dict.fromkeys(_repository_of(root) for root in self.roots):
            for here, folders, files in os.walk(repository):
                deep = len(Path(here).relative_to(repository).parts) >= LIBRARY_DEPTH
                folders[:] = [] if deep else [one for one in folders if one not in SKIPPED | TESTS and one[0] != "."]
                if not {"pyproject.toml", "setup.py"}.isdisjoint(files) and Path(here) not in self.roots:
                    found += [Path(here), Path(here) / "src"]
        return found

    def _inside(self, root: Path, dotted: str) -> Path | None:
        return self.beside(root.joinpath(*dotted.split(".")[:-1]), dotted.rsplit(".", 1)[-1])

    def _is_source_root(self, path: Path, dotted: str) -> bool:
        start = _start_of(path, dotted)
        return start in self.roots or not (start / "__init__.py").exists()

    def relative(self, importer: Path, level: int, dotted: str) -> Path | None:
        """Return the file or package that ``from ...dotted import`` means."""
        target = self.folder(dotted, importer, level) or importer.parent
        for candidate in (target.with_name(target.name + ".py") if dotted else None, target / "__init__.py"):
            if candidate and (candidate in self._modules or candidate.is_file()):
                return candidate
        return None

    def beside(self, package: Path, name: str) -> Path | None:
        """Return the submodule ``name`` of the package whose ``__init__.py`` or folder is ``package``."""
        folder = package.parent if package.name == "__init__.py" else package
        for candidate in (folder / f"{name}.py", folder / name / "__init__.py"):
            if candidate.is_file():
                return candidate
        return None

    def lacks(self, dotted: str, importer: Path) -> bool:
        """Return whether ``import dotted`` means a module of a package of the tree that the tree does not contain."""
        package, _, rest = dotted.partition(".")
        found = self.find(package, importer) if rest else None
        return found is not None and found.name == "__init__.py" and self.folder(dotted, importer) is None

    def folder(self, dotted: str, importer: Path, level: int = 0) -> Path | None:
        """Return the folder without ``__init__.py`` that ``import dotted`` or ``from ...dotted import`` means."""
        if level:
            return importer.parents[min(level, len(importer.parents)) - 1].joinpath(*filter(None, dotted.split(".")))
        for parent in importer.parents:
            candidate = parent.joinpath(*dotted.split("."))
            if candidate.is_dir():
                return candidate
            if parent in self.roots:
                return None
        return None


def _dotted(path: Path) -> list[str]:
    parts = list(path.with_suffix("").parts)[1:]
    return parts[:-1] if parts[-1] == "__init__" else parts


def _start_of(path: Path, dotted: str) -> Path:
    """Return the folder that ``path`` is imported from as ``dotted``."""
    inside = path.parent if path.name == "__init__.py" else path
    return inside.parents[dotted.count(".")]


@cache
def _has_script(folder: Path) -> bool:
    """Return whether a file of the folder is run as a script, so that the folder is on the path, package or not."""
    sources = [path.read_text(encoding="utf-8", errors="replace") for path in folder.glob("*.py") if path.is_file()]
    named = re.compile(rf"^\s*(?:from|import)\s+{re.escape(folder.name)}\b", re.MULTILINE)
    scripts = any(re.search(r"^if __name__ ==", source, re.MULTILINE) for source in sources)
    return scripts and not any(named.search(source) for source in sources)


@cache
def _is_flat(folder: Path) -> bool:
    """Return whether the files of a package import each other as if their folder were on the path: one Lambda function."""
    inside = re.compile(rf"^\s*(?:from\s+\.|(?:from|import)\s+(?:\w+\.)*{re.escape(folder.name)}\b)", re.MULTILINE)
    return not any(
        inside.search(path.read_text(encoding="utf-8", errors="replace"))
        for path in folder.glob("*.py")
        if path.name != "__init__.py" and path.is_file() and path.stat().st_size < MAX_BYTES
    )


def _shared(one: Path, other: Path) -> int:
    return sum(1 for _ in zip(one.parts, other.parts, strict=False) if _[0] == _[1])


def _root_of(path: Path) -> Path:
    """Return the nearest folder with a project's mark; else the folder that the package is imported from."""
    start = path if path.is_dir() else path.parent
    for folder in (start, *start.parents):
        if any((folder / mark).exists() for mark in ROOT_MARKS):
            return folder
        if folder == folder.parent:
            break
    folder = start
    while (folder / "__init__.py").exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _repository_of(root: Path) -> Path:
    """Return the folder of the repository around ``root``, or ``root`` if nothing shows one."""
    found = (one for one in (root, *root.parents) if (one / ".git").exists() or (one / ".github").is_dir())
    return next(found, root)
