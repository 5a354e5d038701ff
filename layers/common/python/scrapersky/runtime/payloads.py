"""Manual payloads: what an operator may send to a service's function, as models that reject anything else by field.

Served by :mod:`scrapersky.runtime.manual` and passed on by the curation API. Reference: ``docs/reference/manual-triggers.md``.
"""

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

from scrapersky.runtime.input_model import InputModel
from scrapersky.status.records import MAX_ID
from scrapersky.status.requeue import MAX_REQUEUED
from scrapersky.vocabulary import Status

MAX_PAUSE_SECONDS = 366 * 86_400
MAX_KEY_CHARACTERS = 2_048


def workflow_name(value: Any) -> Any:
    """Return the name in the registry's spelling: ``Deep-Scan`` and ``deep scan`` are ``deep_scan``."""
    return value.strip().lower().replace("-", "_").replace(" ", "_") if isinstance(value, str) else value


def _record(value: Any) -> int | str:
    if isinstance(value, str):
        value = value.strip()
        if value.isdecimal():
            value = int(value)
        elif 0 < len(value) <= MAX_KEY_CHARACTERS:
            return str(value)
    if type(value) is int and 1 <= value <= MAX_ID:
        return value
    raise ValueError("is no record: an id (a whole number from 1) or a domain, url or place id is needed")


WorkflowName = Annotated[str, BeforeValidator(workflow_name)]
Record = Annotated[int | str, BeforeValidator(_record)]
"""A record by its id, or by its natural key: the domain, url or place id. Digits are an id."""
Records = Annotated[list[Record], Field(min_length=1, max_length=MAX_REQUEUED)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Actor = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
ErrorCode = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]

ONE = Field(validation_alias=AliasChoices("record", "id"))
SOME = AliasChoices("records", "ids")


class _Payload(InputModel):
    model_config = ConfigDict(frozen=True)


class StatusQuestion(_Payload):
    """Counts by status, ages, live attempts, last tick, invariant breaches."""

    action: Literal["status"] = "status"
    workflow: WorkflowName | None = None


class ListRecords(_Payload):
    """Records by status or error code, highest id first."""

    action: Literal["list"] = "list"
    workflow: WorkflowName
    status: Status | None = None
    error_code: ErrorCode | None = None
    limit: int = Field(50, ge=1, le=500)
    before: int | None = Field(None, ge=1, le=MAX_ID)

    @model_validator(mode="after")
    def _consistent(self) -> "ListRecords":
        if self.error_code is not None and self.status not in (None, Status.ERROR):
            raise ValueError(f"a record that is {self.status} has no error_code; leave out one of the two")
        return self


class Errors(_Payload):
    """The records in Error grouped by code."""

    action: Literal["errors"] = "errors"
    workflow: WorkflowName | None = None
    limit: int = Field(20, ge=1, le=100)


class Explain(_Payload):
    """One record's timeline."""

    action: Literal["explain"] = "explain"
    workflow: WorkflowName
    record: Record = ONE


class Run(_Payload):
    """Claim and fan out now; ``dry_run`` only counts the queued records."""

    action: Literal["run"] = "run"
    workflow: WorkflowName | None = None
    limit: int | None = Field(None, ge=1, le=1_000)
    records: Records | None = Field(None, validation_alias=SOME)
    dry_run: bool = False


class Process(_Payload):
    """Work on one Queued record in this very invocation, and answer with the result."""

    action: Literal["process"] = "process"
    workflow: WorkflowName
    record: Record = ONE


class Requeue(_Payload):
    """New, Completed or Error → Queued, for ``records`` or for an ``error_code``."""

    action: Literal["requeue"] = "requeue"
    workflow: WorkflowName
    records: Records | None = Field(None, validation_alias=SOME)
    error_code: ErrorCode | None = None
    limit: int = Field(100, ge=1, le=MAX_REQUEUED)
    spread_seconds: float = Field(0, ge=0, le=86_400)
    reason: Reason
    actor: Actor = "operator"

    @model_validator(mode="after")
    def _filtered(self) -> "Requeue":
        if (self.records is None) == (self.error_code is None):
            raise ValueError("exactly one of records and error_code is needed: no filter would mean every record")
        return self


class Cancel(_Payload):
    """Queued → New."""

    action: Literal["cancel"] = "cancel"
    workflow: WorkflowName
    records: Records = Field(validation_alias=SOME)
    reason: Reason
    actor: Actor = "operator"


class Abandon(_Payload):
    """Processing → Error ``abandoned``: ends the live attempt; the worker's late result is discarded."""

    action: Literal["abandon"] = "abandon"
    workflow: WorkflowName
    records: Records = Field(validation_alias=SOME)
    reason: Reason
    actor: Actor = "operator"


class Pause(_Payload):
    """Stop claims of one workflow, or of all that the service owns."""

    action: Literal["pause"] = "pause"
    workflow: WorkflowName | None = None
    reason: Reason
    actor: Actor = "operator"
    seconds: float | None = Field(None, gt=0, le=MAX_PAUSE_SECONDS)


class Resume(_Payload):
    """Allow claims again."""

    action: Literal["resume"] = "resume"
    workflow: WorkflowName | None = None
    reason: Reason
    actor: Actor = "operator"


Payload = Annotated[
    Run | StatusQuestion | ListRecords | Errors | Explain | Requeue | Cancel | Abandon | Pause | Resume | Process,
    Field(discriminator="action"),
]
PAYLOAD: TypeAdapter[Payload] = TypeAdapter(Payload)
MODELS: dict[str, type[_Payload]] = {
    model.model_fields["action"].default: model
    for model in (
        Run, StatusQuestion, ListRecords, Errors, Explain, Requeue, Cancel, Abandon, Pause, Resume, Process
    )
}  # fmt: skip
"""Each action's model."""
