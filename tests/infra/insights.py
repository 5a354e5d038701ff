"""Read Logs Insights queries: the keys they name, and the lines their first filter keeps."""

import json
import re
from collections.abc import Mapping
from typing import Any

WORDS = {
    "filter", "fields", "stats", "sort", "limit", "by", "as", "asc", "desc", "and", "or", "not", "in", "like", "pattern",
}  # fmt: skip
CONDITION = re.compile(r"ispresent\((?P<present>[\w.]+)\)|(?P<key>[\w.]+) (?P<operator>=|!=|>|in) (?P<value>.+)")


def keys_of(query: str) -> set[str]:
    """Return the fields that ``query`` reads, without its own aliases and the platform's @ fields."""
    text = re.sub(r"#.*", "", query)
    text = re.sub(r'"[^"]*"|/[^/]*/|\{\{\w+\}\}|\b\d\w*', " ", text)
    aliases = set(re.findall(r"\bas (\w+)", text))
    functions = set(re.findall(r"(\w+)\(", text))
    return set(re.findall(r"(?<!@)\b(?<!@)[a-zA-Z_][\w.]*", text)) - aliases - functions - WORDS


def keeps(query: str, line: Mapping[str, Any]) -> bool:
    """Return whether the first filter of ``query`` (without open parameters) keeps ``line``."""
    commands = re.sub(r"^#.*\n", "", query, flags=re.MULTILINE)
    conditions = commands.partition("\n|")[0].removeprefix("filter ")
    return all(_holds(condition, line) for condition in conditions.split(" and "))


def _holds(condition: str, line: Mapping[str, Any]) -> bool:
    found = CONDITION.fullmatch(condition)
    assert found, f"condition {condition!r} is not supported by this test"
    if found["present"]:
        return line.get(found["present"]) is not None
    value, wanted = line.get(found["key"]), json.loads(found["value"])
    match found["operator"]:
        case "=":
            return bool(value == wanted)
        case "!=":
            return bool(value != wanted)
        case ">":
            return value is not None and bool(value > wanted)
        case _:
            return value in wanted
