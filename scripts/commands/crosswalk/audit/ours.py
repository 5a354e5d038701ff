"""Our own side: the status fields of our models with their words, and our jobs, read from the registry and the source."""

import ast
import re
from functools import cache
from pathlib import Path

from sqlalchemy import Enum

from scrapersky.models import Base, Curation, Status
from scrapersky.runtime.registry import SERVICES

NAMED_JOB = re.compile(r"\w+(\.\w+)*:\w+")
FUNCTIONS = Path(__file__).resolve().parents[4] / "functions"

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
    """Our jobs as ``folder.module.function``: what each handler names to its BackgroundService."""
    found = set()
    for service in SERVICES:
        handler = FUNCTIONS / service.folder / "handler.py"
        if not handler.is_file():
            continue
        for node in ast.walk(ast.parse(handler.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAMED_JOB.fullmatch(node.value):
                found.add(node.value.replace(":", "."))
    return frozenset(found)
