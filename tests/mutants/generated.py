"""Mutants made from the source itself: each drops one condition of a statement or turns one branch of Python round.

SQL (the string constants of ``status`` and ``runtime``, and the migrations' files): one operand of AND becomes true, one
of OR false, the only condition of a WHERE or CHECK true, and one assignment of a SET is removed. Python: one operand of
``and`` becomes True, one of ``or`` False, and each other condition its opposite.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.mutants.mutant import LAYER, ROOT, Mutant
from tests.mutants.tests_of import tests_of

PYTHON = ("status", "runtime")
"""Folders of the layer whose statements and branches are mutated."""
MIGRATIONS = "migrations"

TOKEN = re.compile(r"--[^\n]*|'(?:[^']|'')*'|[A-Za-z_][\w.]*|[(),;]|\S")
STATEMENT = re.compile(r"\b(SELECT|UPDATE|INSERT|DELETE)\b")
ASSIGNMENTS = re.compile(r"[\"'\s]*\{\w+\} = ")
"""The start of a string constant that is put into a SET."""
ENDS = frozenset(
    (
        *("GROUP", "ORDER", "LIMIT", "OFFSET", "FOR", "RETURNING", "UNION", "WINDOW", "ON", "HAVING", "WHERE", "SET"),
        *("DO", "THEN", "WHEN", "LOOP", "FROM", "CROSS", "JOIN", "LEFT", "EXECUTE", ";"),
    )
)
"""The words that end a condition at its own depth. FROM ends one unless it follows DISTINCT."""
LITERAL = (ast.Constant, ast.List, ast.Dict, ast.Tuple)
"""A default such as that of ``given or []`` is no condition."""
MAX_NAME = 70


SUBSELECT = frozenset({"SELECT", "WITH"})


@dataclass(frozen=True)
class Span:
    """Replace the characters from ``start`` to ``end`` of ``file`` with ``text``."""

    file: str
    start: int
    end: int
    text: str

    def apply(self, source: str) -> str:
        """Return ``source`` with the replacement."""
        return source[: self.start] + self.text + source[self.end :]


@dataclass(frozen=True)
class Token:
    """One token of SQL; ``depth`` counts the parentheses and CASEs around it."""

    text: str
    start: int
    end: int
    depth: int


def generated() -> list[Mutant]:
    """Return all mutants that the present source yields, each with a name of its own, in the order of the source."""
    found: dict[str, Mutant] = {}
    for file, scope, what, span in _all_spans():
        stem = f"{file.removeprefix(LAYER + '/').removesuffix('.py')}.{scope}: {what}"[: 2 * MAX_NAME]
        name, number = stem, 1
        while name in found:
            number += 1
            name = f"{stem} ({number})"
        found[name] = Mutant(name, (span,), tests_of(file))
    return list(found.values())


def _all_spans() -> Iterator[tuple[str, str, str, Span]]:
    """Yield file, scope, what is changed and the change."""
    for folder in PYTHON:
        for path in sorted((ROOT / LAYER / folder).rglob("*.py")):
            file, source = str(path.relative_to(ROOT)), path.read_text()
            yield from python_spans(file, source)
    for path in sorted((ROOT / LAYER / MIGRATIONS).rglob("*.sql")):
        file, source = str(path.relative_to(ROOT)), path.read_text()
        yield from ((file, path.stem, *one) for one in sql_spans(file, source, 0, len(source)))


def python_spans(file: str, source: str) -> Iterator[tuple[str, str, str, Span]]:
    """Yield the mutations of a module: file, scope, a description and the change."""
    where = _Places(source)
    for scope, node in _scopes(ast.parse(source)):
        for inner in _walk(node):
            if isinstance(inner, ast.JoinedStr) or (isinstance(inner, ast.Constant) and isinstance(inner.value, str)):
                text = source[slice(*where.of(inner))]
                if STATEMENT.search(text) or ASSIGNMENTS.match(text):
                    yield from ((file, scope, *one) for one in sql_spans(file, source, *where.of(inner)))
            elif isinstance(inner, ast.BoolOp):
                neutral = "True" if isinstance(inner.op, ast.And) else "False"
                operands = [operand for operand in inner.values if not isinstance(operand, LITERAL)]
                yield from (_python_span(file, source, scope, where.of(operand), neutral) for operand in operands)
            for start, end in (where.of(test) for test in _tests(inner)):
                yield _python_span(file, source, scope, (start, end), f"(not ({source[start:end]}))")


class _Places:
    """Finds nodes in the source, in characters; ``ast`` counts columns in bytes of UTF-8."""

    def __init__(self, source: str) -> None:
        self._lines = source.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def of(self, node: ast.expr) -> tuple[int, int]:
        """Return the first character of ``node`` and the one behind its last."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._place(node.lineno, node.col_offset), self._place(node.end_lineno, node.end_col_offset)

    def _place(self, line: int, column: int) -> int:
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())


def _python_span(file: str, source: str, scope: str, place: tuple[int, int], text: str) -> tuple[str, str, str, Span]:
    given = " ".join(source[slice(*place)].split())
    return file, scope, f"{given[:MAX_NAME]} → {'not' if text.startswith('(not') else text}", Span(file, *place, text)


def _scopes(module: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield the functions, methods and assignments of a module with their names, without docstrings."""
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{node.name}.{inner.name}", inner
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            yield ast.unparse(target), node


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Walk ``node`` in the order of the source, without docstrings, and not into the parts of an f-string."""
    yield node
    if isinstance(node, ast.JoinedStr):
        return
    for child in ast.iter_child_nodes(node):
        is_docstring = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
        if not is_docstring:
            yield from _walk(child)


def _tests(node: ast.AST) -> list[ast.expr]:
    """Return the conditions of ``node`` that are not made of operands."""
    match node:
        case ast.If() | ast.While() | ast.IfExp():
            tests = [node.test]
        case ast.comprehension():
            tests = node.ifs
        case _:
            tests = []
    return [test for test in tests if not isinstance(test, ast.BoolOp)]


def sql_spans(file: str, source: str, start: int, end: int) -> Iterator[tuple[str, Span]]:
    """Yield the mutations of the SQL between ``start`` and ``end`` of ``source``: a description and the change."""
    text = source[start:end]
    tokens = _tokens(text, start)
    for first, last, neutral in _conditions(tokens):
        condition = tokens[first:last]
        operands = list(_operands(file, source, condition))
        yield from operands
        if condition and condition[0].text not in SUBSELECT and (not operands or neutral == "false"):
            yield f"{_shown(source, condition)} → {neutral}", Span(file, condition[0].start, condition[-1].end, neutral)
    for first, last in _assignment_lists(tokens, text):
        parts = _split(tokens[first:last], {","})
        for number, part in enumerate(parts):
            if len(parts) > 1:
                # The comma before it goes too, and for the first the one after it.
                cut = (parts[number - 1][-1].end, part[-1].end) if number else (part[0].start, parts[1][0].start)
                yield f"SET {_shown(source, part)} removed", Span(file, *cut, "")


def _tokens(text: str, offset: int) -> list[Token]:
    tokens: list[Token] = []
    depth = 0
    for found in TOKEN.finditer(text):
        word = found[0]
        if word.startswith("--") or word in ('"', "\\"):
            continue  # a comment, or a quote of Python's around the SQL
        closes = word == ")" or (word == "END" and _follows(text, found.end()) not in ("IF", "LOOP", "CASE"))
        depth -= closes
        tokens.append(Token(word, offset + found.start(), offset + found.end(), depth))
        depth += word in ("(", "CASE", "BEGIN")
    return tokens


def _follows(text: str, position: int) -> str:
    found = re.compile(r"\s*(\w*)").match(text, position)
    return found[1] if found else ""


def _conditions(tokens: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    """Yield the tokens of each condition and what stands for a missing one.

    That is true for WHERE, HAVING, CHECK and a join; false for IF, CASE WHEN, and the WHEN of a trigger.
    """
    for number, token in enumerate(tokens):
        following = tokens[number + 1].text if number + 1 < len(tokens) else ""
        match token.text:
            case "WHERE" | "HAVING":
                yield number + 1, _end_of(tokens, number + 1, token.depth), "true"
            case "ON" if following != "CONFLICT" and _joins(tokens, number):
                yield number + 1, _end_of(tokens, number + 1, token.depth), "true"
            case "CHECK" if following == "(":
                yield number + 2, _end_of(tokens, number + 2, token.depth + 1), "true"
            case "IF" | "ELSIF" if following not in ("NOT", "EXISTS", ";") and token.depth:
                yield number + 1, _end_of(tokens, number + 1, token.depth), "false"
            case "WHEN" if _is_searched(tokens, number):
                yield number + 1, _end_of(tokens, number + 1, token.depth), "false"
            case "WHEN" if following == "(":
                yield number + 2, _end_of(tokens, number + 2, token.depth + 1), "false"


def _is_searched(tokens: Sequence[Token], number: int) -> bool:
    """Return whether the WHEN belongs to a CASE of conditions, and not to one that compares a value."""
    for before in range(number - 1, 0, -1):
        if tokens[before].text == "CASE" and tokens[before].depth == tokens[number].depth - 1:
            return tokens[before + 1].text == "WHEN"
    return False


def _joins(tokens: Sequence[Token], number: int) -> bool:
    before = [token.text for token in tokens[:number] if token.depth == tokens[number].depth][-6:]
    return "JOIN" in before


def _end_of(tokens: Sequence[Token], first: int, depth: int) -> int:
    for number in range(first, len(tokens)):
        token = tokens[number]
        from_of_distinct = token.text == "FROM" and tokens[number - 1].text == "DISTINCT"
        if token.depth < depth or (token.depth == depth and token.text in ENDS and not from_of_distinct):
            return number
    return len(tokens)


def _operands(file: str, source: str, tokens: Sequence[Token]) -> Iterator[tuple[str, Span]]:
    """Yield each operand of AND and OR, replaced by what is neutral; those in parentheses too, but not sub-selects."""
    if not tokens or tokens[0].text in SUBSELECT:
        return
    for word, other, neutral in (("AND", "OR", "true"), ("OR", "AND", "false")):
        operands = _split(tokens, {word})
        for operand in operands if len(operands) > 1 else ():
            if word == "OR" or len(_split(operand, {other})) == 1:
                place = operand[0].start, operand[-1].end
                yield f"{_shown(source, operand)} → {neutral}", Span(file, *place, neutral)
    for first, last in _groups(tokens):
        yield from _operands(file, source, tokens[first:last])


def _groups(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Yield what stands in each pair of parentheses at the top of ``tokens``."""
    depth, opened = tokens[0].depth, 0
    for number, token in enumerate(tokens):
        if token.text == "(" and token.depth == depth:
            opened = number + 1
        elif token.text == ")" and token.depth == depth:
            yield opened, number


def _split(tokens: Sequence[Token], words: set[str]) -> list[Sequence[Token]]:
    """Split ``tokens`` at ``words`` of their own depth; the AND of BETWEEN does not count."""
    parts: list[list[Token]] = [[]]
    depth = min((token.depth for token in tokens), default=0)
    between = False
    for token in tokens:
        at_top = token.depth == depth
        if at_top and token.text in words and not between:
            parts.append([])
            continue
        between = (between or (at_top and token.text == "BETWEEN")) and not (at_top and token.text == "AND")
        parts[-1].append(token)
    return [part for part in parts if part]


def _assignment_lists(tokens: Sequence[Token], text: str) -> Iterator[tuple[int, int]]:
    """Yield the tokens of each SET of an UPDATE, or all of a constant that is put into one."""
    if ASSIGNMENTS.match(text):
        yield 0, len(tokens)
        return
    for number, token in enumerate(tokens):
        if token.text == "SET" and any(one.text == "UPDATE" for one in tokens[max(0, number - 6) : number]):
            yield number + 1, _end_of(tokens, number + 1, token.depth)


def _shown(source: str, tokens: Sequence[Token]) -> str:
    return " ".join(source[tokens[0].start : tokens[-1].end].split())[:MAX_NAME]
