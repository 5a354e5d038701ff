"""Every relative link, and every file or folder that a document, docstring or comment names, exists."""

import ast
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from textwrap import dedent

from scripts.commands.plain_english import files

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [file for file in files(ROOT) if file.suffix == ".md"]
HISTORY = ROOT / "CHANGELOG.md"
"""Names what was removed, too."""
SOURCES = [file for file in files(ROOT) if file.suffix in {".py", ".sql", ".toml", ""}]

LINK = re.compile(r"(?<=\])\((?!https?:|mailto:)([^)\s#]*)(#[^)\s]*)?\)")
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
PROSE = re.compile(r'"""[^"].*?"""|#[ :][^\n]*', re.DOTALL)
"""Docstrings and comments."""
NAME = re.compile(
    r"(?<![\w/.:{$<*-])(?:\.\./)*("
    r"(?:docs|functions|infra|layers|scripts|tests|\.ci|\.github)/[\w./-]*"  # a path from the top of the tree
    r"|(?:[\w-]+/)*(?:[a-z_][\w-]*|[A-Z_]+)\.(?:py|md|sql|toml|lock)"  # the end of a path
    r")(?![\w/{<*($-])"
)
TOP = ("docs", "functions", "infra", "layers", "scripts", "tests", ".ci", ".github")


@cache
def tree() -> frozenset[str]:
    """Return every path of the tree and all its endings: a whole path, and what follows each of its slashes."""
    found = set()
    for top in (ROOT / name for name in TOP):
        for path in top.rglob("*"):
            if "__pycache__" not in path.parts:
                parts = path.relative_to(ROOT).parts
                found |= {"/".join(parts[start:]) for start in range(len(parts))}
    return frozenset(found | {path.name for path in ROOT.iterdir()})


def missing(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and name of each file that ``text`` names and the tree does not have."""
    for match in NAME.finditer(text):
        name = match[1].rstrip("./")
        if name not in tree():
            yield text.count("\n", 0, match.start()) + 1, name


def blanked(text: str, *, without: re.Pattern[str] | None = None, only: re.Pattern[str] | None = None) -> str:
    """Return ``text`` with the matches of ``without``, or all but those of ``only``, blanked; lines stay where they are."""
    if without:
        return without.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    kept = list(re.sub(r"[^\n]", " ", text))
    for match in only.finditer(text) if only else ():
        kept[match.start() : match.end()] = match[0]
    return "".join(kept)


def found_in(
    sources: list[Path], *, without: tuple[re.Pattern[str], ...] = (), only: re.Pattern[str] | None = None
) -> str:
    """Return a line for each file that ``sources`` name and the tree does not have."""
    lines = []
    for source in sources:
        text = source.read_text(encoding="utf-8")
        for pattern in without:
            text = blanked(text, without=pattern)
        text = blanked(text, only=only) if only else text
        lines += [f"{source.relative_to(ROOT)}:{line}: {name}" for line, name in missing(text)]
    return "\n".join(lines)


def test_every_link_of_a_document_leads_to_a_file_and_a_heading() -> None:
    wrong = []
    for document in DOCUMENTS:
        for path, anchor in LINK.findall(document.read_text(encoding="utf-8")):
            target = (document.parent / path).resolve() if path else document
            if not target.exists():
                wrong.append(f"{document.relative_to(ROOT)}: {path} does not exist")
            elif anchor and target.suffix == ".md" and anchor[1:] not in anchors(target.read_text(encoding="utf-8")):
                wrong.append(f"{document.relative_to(ROOT)}: {path} has no heading {anchor}")
    assert "\n".join(wrong) == ""


def test_every_file_that_a_document_names_exists() -> None:
    assert found_in([file for file in DOCUMENTS if file != HISTORY], without=(FENCED, LINK)) == ""


def test_every_file_that_a_docstring_or_comment_names_exists() -> None:
    assert found_in(SOURCES, only=PROSE) == ""


def test_a_code_that_the_index_of_the_documents_locates_is_in_that_file() -> None:
    index = ROOT / "docs" / "index.md"
    rows = re.findall(r"^\| the codes [^(]*\((.*?)\) \| \[.*?\]\((.*?)\) \|$", index.read_text(), re.MULTILINE)
    assert len(rows) >= 3
    for codes, file in rows:
        source = (index.parent / file).read_text()
        for code in re.findall(r"`(\w+?)(?:404)?`", codes):
            assert re.search(rf'(?:Rejection\(|FetchFailed, |FetchRefused, |kind\()f?"{code}', source), (code, file)


PARSERS: dict[str, Callable[[str], object]] = {
    "json": lambda text: [json.loads(line) for line in text.splitlines()],
    "python": ast.parse,
    "toml": tomllib.loads,
}


def test_every_code_block_of_a_document_is_closed_and_can_be_parsed() -> None:
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        assert "```" not in re.sub(r"^ *```(\w*)$", "", text, flags=re.MULTILINE), document
        fences = re.findall(r"^ *```(\w*)$", text, re.MULTILINE)
        assert fences[1::2] == [""] * (len(fences) // 2), document
        for language, block in re.findall(r"^ *```(\w+)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL):
            PARSERS.get(language, str)(dedent(block))


def test_a_missing_file_is_found_with_its_line() -> None:
    assert list(missing("see\n`docs/no_such_page.md`, status/claim.py and scrapersky/settings.py")) == [
        (2, "docs/no_such_page.md")
    ]
    assert list(missing("``no_such_module.py``")) == [(1, "no_such_module.py")]


def anchors(text: str) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
