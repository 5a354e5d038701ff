"""Read Logs Insights queries: the keys they name."""

import re

WORDS = {
    "filter", "fields", "stats", "sort", "limit", "by", "as", "asc", "desc", "and", "or", "not", "in", "like", "pattern",
}  # fmt: skip


def keys_of(query: str) -> set[str]:
    """Return the fields that ``query`` reads, without its own aliases and the platform's @ fields."""
    text = re.sub(r"#.*", "", query)
    text = re.sub(r'"[^"]*"|/[^/]*/|\{\{\w+\}\}|\b\d\w*', " ", text)
    aliases = set(re.findall(r"\bas (\w+)", text))
    functions = set(re.findall(r"(\w+)\(", text))
    return set(re.findall(r"(?<!@)\b(?<!@)[a-zA-Z_][\w.]*", text)) - aliases - functions - WORDS
