"""Labels: the progress of a list, whose records and all that came of them have its name."""

import re
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from urllib.parse import unquote

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import BaseModel, Field

from api.dependencies import dependencies_of, tenant_of
from api.problem import Problem
from scrapersky.runtime.input_model import LABEL
from scrapersky.runtime.labels import progress
from scrapersky.vocabulary import Status

router = Router()
LabelInPath = Annotated[str, Path(pattern=LABEL.replace(" ", " %"), max_length=300, description="the list's label")]


class LabelProgress(BaseModel):
    """The records of a label, at one moment."""

    label: str
    workflows: dict[str, dict[Status, int]] = Field(
        description="by workflow, the number of records in each status, whose sum is the number of the label's records"
    )
    done: bool = Field(description="all records have ended: none works or waits, and none that came in is undecided")
    created_at: datetime | None = Field(description="when records came in first")
    done_at: datetime | None = Field(description="when a tick found it done; null again when more records come in")


@router.get("/labels/<label>", tags=["labels"], summary="Return the progress of a label's records")
def read_label(label: LabelInPath) -> LabelProgress:
    name, found = unquote(label), None
    if re.fullmatch(LABEL, name):
        with dependencies_of(router).database.autocommit() as connection:
            found = progress(connection, name, tenant_of(router))
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"no record has the label {name!r}")
    return LabelProgress(
        label=name, workflows=found.workflows, done=found.done, created_at=found.created_at, done_at=found.done_at
    )
