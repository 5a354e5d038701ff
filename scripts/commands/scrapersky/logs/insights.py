"""The part of the CloudWatch Logs Insights language that the saved queries use, over lines at hand.

For the local run's logs and for files: the emulated AWS knows no ``stats`` and no fields of JSON lines. A command or
function that is missing here raises :class:`CommandError`, and a test runs every saved query.
Source: Amazon CloudWatch Logs User Guide, "CloudWatch Logs Insights language query syntax".
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from statistics import quantiles
from typing import Any

from scripts.commands.scrapersky.errors import CommandError

Line = Mapping[str, Any]
Command = Callable[[Sequence[Line]], list[Line]]
Condition = Callable[[Line], bool]

TOKEN = re.compile(r'\s*(?:(?P<text>"[^"]*")|(?P<pattern>/[^/]*/)|(?P<word>[@\w.*]+)|(?P<sign>!=|[=<>(),\[\]]))')
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
MAX_ROWS = 10_000
VARIABLE_PARTS = re.compile(r"\b(?:[0-9a-f]{8,}|[0-9a-f-]{36}|\d[\d.:,+-]*)\b")
"""Parts of a message that differ from line to line: ids, numbers, times."""


def run(query: str, lines: Iterable[Line]) -> list[Line]:
    """Return the rows of ``query`` over ``lines``, oldest first. Raises :class:`CommandError` for what is not supported."""
    rows, columns = list(lines), ["@timestamp", "@message"]
    for name, tokens in stages(query):
        if name == "fields":
            columns = [word for word in tokens if word != ","]
            continue
        rows = COMMANDS[name](tokens)(rows)
        if name in ("stats", "pattern"):
            columns = []
    return [{name: value_of(row, name) for name in columns} if columns else row for row in rows[:MAX_ROWS]]


def matching(query: str, lines: Iterable[Line]) -> list[Line]:
    """Return the lines that the first command of ``query``, its filter, keeps."""
    (_, tokens), *_ = stages(query)
    return _filter(tokens)(list(lines))


def stages(query: str) -> list[tuple[str, list[str]]]:
    """Return each command of ``query`` with its tokens."""
    text = re.sub(r"^#.*$", "", query, flags=re.MULTILINE)
    commands = [part.strip().partition(" ") for part in text.split("|")]
    if unknown := [name for name, _, _ in commands if name not in COMMANDS and name != "fields"]:
        raise CommandError(
            f"the command {unknown[0]!r} is not supported locally; supported: {', '.join(COMMANDS)}, fields"
        )
    return [(name, _tokens(rest)) for name, _, rest in commands]


def value_of(line: Line, name: str) -> Any:
    """Return the field ``name`` of a line, such as ``record.metrics.durationMs``; None when it has none."""
    if name in line:
        return line[name]
    value: Any = line
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _tokens(text: str) -> list[str]:
    tokens, place, text = [], 0, text.strip()
    while place < len(text):
        found = TOKEN.match(text, place)
        if found is None:
            raise CommandError(f"{text[place:]!r} is not supported locally")
        tokens.append(found[0].strip())
        place = found.end()
    return tokens


def _filter(tokens: list[str]) -> Command:
    condition = _joined(tokens, {"or": any, "and": all})
    if tokens:
        raise CommandError(f"{' '.join(tokens)!r} is not supported locally")
    return lambda lines: [line for line in lines if condition(line)]


def _joined(tokens: list[str], joins: Mapping[str, Callable[[Iterable[bool]], bool]]) -> Condition:
    """Return the conditions joined by the first word of ``joins``, which binds least, each of those joined by the next."""
    if not joins:
        return _condition(tokens)
    (word, join), *closer = joins.items()
    parts = [_joined(tokens, dict(closer))]
    while tokens[:1] == [word]:
        tokens.pop(0)
        parts.append(_joined(tokens, dict(closer)))
    return lambda line: join(part(line) for part in parts)


def _condition(tokens: list[str]) -> Condition:
    name = tokens.pop(0)
    if name == "ispresent":
        _, field, _ = (tokens.pop(0) for _ in range(3))
        return lambda line: value_of(line, field) is not None
    operator = tokens.pop(0)
    if operator == "in":
        end = tokens.index("]")
        values = [_literal(word) for word in tokens[1:end] if word != ","]
        del tokens[: end + 1]
        return lambda line: value_of(line, name) in values
    wanted = _literal(tokens.pop(0))
    if operator not in COMPARISONS:
        raise CommandError(
            f"the operator {operator!r} is not supported locally; supported: {', '.join(COMPARISONS)}, in"
        )
    compare = COMPARISONS[operator]

    def holds(line: Line) -> bool:
        value = value_of(line, name)
        if isinstance(wanted, float):
            value = _number(value)
        return value is not None and bool(compare(value, wanted))

    return holds


COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": lambda value, wanted: value == wanted,
    "!=": lambda value, wanted: value != wanted,
    ">": lambda value, wanted: value > wanted,
    "<": lambda value, wanted: value < wanted,
    "like": lambda value, wanted: re.search(wanted, str(value)),
}


def _literal(token: str) -> str | float:
    if token[0] in '"/':
        return token[1:-1]
    if (number := _number(token)) is None:
        raise CommandError(f"{token!r} is neither a number nor quoted text")
    return number


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _sort(tokens: list[str]) -> Command:
    keys = [part.split() for part in " ".join(tokens).split(" , ")]

    def sorted_by_all(lines: Sequence[Line]) -> list[Line]:
        rows = list(lines)
        for name, *direction in reversed(keys):
            rows.sort(key=lambda row: _sortable(value_of(row, name)), reverse=direction == ["desc"])
        return rows

    return sorted_by_all


def _sortable(value: Any) -> tuple[int, float, str]:
    number = _number(value)
    return (0, 0, "") if value is None else (1, number, "") if number is not None else (2, 0, str(value))


def _limit(tokens: list[str]) -> Command:
    number = int(tokens[0])
    return lambda lines: list(lines[:number])


def _pattern(tokens: list[str]) -> Command:
    def grouped(lines: Sequence[Line]) -> list[Line]:
        counts = Counter(VARIABLE_PARTS.sub("<*>", str(value_of(line, tokens[0]))) for line in lines)
        return [{"@pattern": shape, "@sampleCount": number} for shape, number in counts.most_common()]

    return grouped


def _stats(tokens: list[str]) -> Command:
    by = tokens.index("by") if "by" in tokens else len(tokens)
    columns, groups = _calls(tokens[:by]), _calls(tokens[by + 1 :])

    def aggregated(lines: Sequence[Line]) -> list[Line]:
        found: dict[tuple[Any, ...], list[Line]] = defaultdict(list)
        for line in lines:
            found[tuple(_group(line, call) for call, _ in groups)].append(line)
        return [
            {
                **{name: value for (_, name), value in zip(groups, key, strict=True)},
                **{name: _aggregate(call, those) for call, name in columns},
            }
            for key, those in found.items()
        ]

    return aggregated


Call = tuple[str, list[str]]


def _calls(tokens: list[str]) -> list[tuple[Call, str]]:
    """Return each call, or field without a call, with the name of its column."""
    calls: list[tuple[Call, str]] = []
    tokens = list(tokens)
    while tokens:
        function, arguments = tokens.pop(0), []
        if function == ",":
            continue
        name = function
        if tokens[:1] == ["("]:
            end = tokens.index(")")
            arguments = [word for word in tokens[1:end] if word != ","]
            del tokens[: end + 1]
            name = f"{function}({', '.join(arguments)})"
        if tokens[:1] == ["as"]:
            name = tokens[1]
            del tokens[:2]
        calls.append(((function, arguments), name))
    return calls


def _group(line: Line, call: Call) -> Any:
    function, arguments = call
    if function != "bin":
        return value_of(line, function)
    seconds = int(arguments[0][:-1]) * SECONDS[arguments[0][-1]]
    moment = datetime.fromisoformat(str(line["@timestamp"])).replace(tzinfo=UTC).timestamp()
    return timestamp(moment // seconds * seconds)


def timestamp(seconds: float) -> str:
    """Return Unix ``seconds`` as Insights shows a time: UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _aggregate(call: Call, lines: Sequence[Line]) -> Any:
    function, (field, *more) = call
    values = [value for line in lines if (value := value_of(line, field)) is not None]
    match function:
        case "count":
            return len(lines) if field == "*" else len(values)
        case "latest":
            return values[-1] if values else None
        case "max":
            return max(values, default=None)
        case "pct":
            return percentile(values, int(more[0]))
    raise CommandError(f"the function {function!r} is not supported locally; supported: count, latest, max, pct")


def percentile(values: Sequence[float], percent: int) -> int | None:
    """Return the ``percent``-th percentile of ``values``, interpolated; None for none."""
    if len(values) < 2:
        return round(values[0]) if values else None
    return round(quantiles(values, n=100, method="inclusive")[percent - 1])


COMMANDS: Mapping[str, Callable[[list[str]], Command]] = {
    "filter": _filter,
    "stats": _stats,
    "sort": _sort,
    "limit": _limit,
    "pattern": _pattern,
}
