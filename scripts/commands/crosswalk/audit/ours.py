"""Our own side: the status fields of our models with their words, and our jobs, read from the registry and the source."""

from functools import cache

from sqlalchemy import Enum

from scrapersky.models import Base
from scrapersky.runtime.registry import WORKFLOWS
from scrapersky.vocabulary import Curation, Status

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
    """Return our jobs as ``folder.module.function``, from the registry."""
    return frozenset(workflow.job.replace(":", ".") for workflow in WORKFLOWS.values())
