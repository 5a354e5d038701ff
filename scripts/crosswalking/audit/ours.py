"""Our own side: the status fields of our models with their words, and our jobs, read from the registry and the source."""

import ast
from functools import cache
from pathlib import Path

from sqlalchemy import Enum

from scrapersky.models import Base, Curation, Status
from scrapersky.service.registry import SERVICES

FUNCTIONS = Path(__file__).resolve().parents[3] / "functions"

STATUS_WORDS: tuple[str, ...] = tuple(Status)
CURATION_WORDS: tuple[str, ...] = tuple(Curation)
MACHINE_WORDS = frozenset({Status.PROCESSING.value, Status.COMPLETED.value, Status.ERROR.value})


@cache
def watched() -> dict[str, tuple[str, dict[str, tuple[str, ...]]]]:
    """Each of our models: its table, and the words of each status field."""
    found = {}
    for mapper in Base.registry.mappers:
        fields = {
            column.key: tuple(column.type.enums)
            for column in mapper.local_table.columns
            if isinstance(column.type, Enum) and (column.key == "status" or column.key.endswith("_status"))
        }
        found[mapper.class_.__name__] = (str(mapper.local_table), fields)
    return found


@cache
def jobs() -> frozenset[str]:
    """Our jobs as ``folder.module.function``: what each handler gives to its BackgroundService."""
    found = set()
    for service in SERVICES:
        handler = FUNCTIONS / service.folder / "handler.py"
        if not handler.is_file():
            continue
        tree = ast.parse(handler.read_text(encoding="utf-8"))
        names = {
            alias.asname or alias.name: f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "BackgroundService":
                for part in ast.walk(node):
                    if isinstance(part, ast.Dict):
                        found |= {
                            names[value.id]
                            for value in part.values
                            if isinstance(value, ast.Name) and value.id in names
                        }
    return frozenset(found)
