"""Translation of newer Python syntax to what every supported interpreter parses, in the same lines.

Type parameters, ``type`` statements, ``except A, B:``, t-strings and quotes inside the fields of f-strings do not change what
a router does to statuses and background work. They are translated when the interpreter cannot parse a file as it is.
"""

import ast
import re

GENERIC = re.compile(r"^[ \t]*(?:async[ \t]+def|def|class)[ \t]+\w+[ \t]*(?=\[)", re.MULTILINE)
ALIAS = re.compile(r"^([ \t]*)type[ \t]+(\w+)[ \t]*(?=[=\[])", re.MULTILINE)
EXCEPT = re.compile(r"^([ \t]*except\*?[ \t]+)([\w.]+(?:[ \t]*,[ \t]*[\w.]+)+)([ \t]*:)", re.MULTILINE)
TEXT = re.compile(r"#[^\n]*|(?<!\w)([A-Za-z]{0,2})(\"\"\"|'''|\"|')")
QUOTE = re.compile(r"\"\"\"|'''|\"|'")


def parse(source: str, name: str) -> ast.Module:
    """Parse ``source``, translated where that is necessary and enough. Raise the original's :class:`SyntaxError`."""
    try:
        return ast.parse(source, name)
    except SyntaxError as error:
        try:
            return ast.parse(translated(source), name)
        except SyntaxError:
            raise error from None


def translated(source: str) -> str:
    """Return ``source`` with older syntax instead of newer; every line keeps its number."""
    source = _templates(source)
    for pattern in (GENERIC, ALIAS):
        position = 0
        while found := pattern.search(source, position):
            end = _after_bracket(source, found.end()) if source[found.end()] == "[" else found.end()
            kept = found[0] if pattern is GENERIC else f"{found[1]}{found[2]}"
            blank = re.sub(r"[^\n]", " ", source[found.start() + len(kept) : end]).replace("\n", "\\\n")
            source, position = source[: found.start()] + kept + blank + source[end:], found.end()
    return EXCEPT.sub(r"\1(\2)\3", source)


def _after_bracket(source: str, start: int) -> int:
    """Return the position after the bracket that opens at ``start``."""
    depth = 0
    for position in range(start, len(source)):
        depth += (source[position] in "[({") - (source[position] in "])}")
        if depth == 0:
            return position + 1
    return len(source)


def _templates(source: str) -> str:
    """Translate the fields of f-strings, and t-strings to f-strings."""
    done, position = [], 0
    while found := TEXT.search(source, position):
        prefix, quote = found[1], found[2]
        done.append(source[position : found.start()])
        if quote is None:  # a comment
            text, position = found[0], found.end()
        elif prefix and set(prefix.lower()) & {"f", "t"}:
            text, position = _template(source, found.end(), quote)
            text = re.sub("[tT]", "f", prefix) + text
        else:
            position = _after_text(source, found.end(), quote)
            text = source[found.start() : position]
        done.append(text)
    return "".join([*done, source[position:]])


def _after_text(source: str, start: int, quote: str) -> int:
    """Return the position after the text that starts at ``start`` and ends with ``quote``."""
    found = re.compile(rf"(?:\\.|(?!{quote}).)*{quote}", re.DOTALL).match(source, start)
    return found.end() if found else len(source)


def _template(source: str, start: int, quote: str) -> tuple[str, int]:
    """Return an f-string with its quotes, its fields translated, and the position after it."""
    done, position, depth = [], start, 0
    while position < len(source) and (depth or not source.startswith(quote, position)):
        part = source[position]
        nested = QUOTE.match(source, position)
        if depth and nested and len(quote) == 1:
            end = _after_text(source, nested.end(), nested[0])
            other = "'" if quote == '"' else '"'
            inside = re.sub(r"[\\'\"\n]", " ", source[nested.end() : end - len(nested[0])])
            part = f"{other}{inside}{other}"
            position = end
        else:
            if not depth and (part == "\\" or source[position : position + 2] in ("{{", "}}")):
                part = source[position : position + 2]
            elif depth:
                depth += (part in "[({") - (part in "])}")
            else:
                depth += part == "{"
            position += len(part)
        done.append(part)
    text = "".join(done)
    quotes = quote * 3 if "\n" in text and len(quote) == 1 else quote
    return f"{quotes}{text}{quotes}", position + len(quote)
