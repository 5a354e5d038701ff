"""Manual payloads: what an operator may send to a service's function, as models that reject anything else by field.

Served by :mod:`scrapersky.runtime.manual` and passed on by the curation API. Reference: ``docs/reference/manual-triggers.md``.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    WithJsonSchema,
    model_validator,
)

from scrapersky.runtime.input_model import MAX_ID, Flag, Id, InputModel, Integer, Number, exactly_one, whole
from scrapersky.status.requeue import MAX_REQUEUED
from scrapersky.vocabulary import Status

MAX_PAUSE_SECONDS = 366 * 86_400
MAX_KEY_CHARACTERS = 2_048


def workflow_name(value: Any) -> Any:
    """Return the name in the registry's spelling: ``Deep-Scan`` and ``deep scan`` are ``deep_scan``."""
    return value.strip().lower().replace("-", "_").replace(" ", "_") if isinstance(value, str) else value


def _record(value: Any) -> int | str:
    value = whole(value)
    if isinstance(value, str):
        value = value.strip()
        if value.isascii() and value.isdecimal():
            value = int(value)
        elif 0 < len(value) <= MAX_KEY_CHARACTERS:
            return str(value)
    if type(value) is int and 1 <= value <= MAX_ID:
        return value
    raise ValueError("is no record: an id (a whole number from 1) or a domain, url or place id is needed")


def _stripped(value: str) -> str:
    if stripped := value.strip():
        return stripped
    raise ValueError("is blank; at least one character is needed")


NOT_BLANK = r"^[^\u0000]*[^\s\u0000-\u001f\u0085][^\u0000]*$"
BLANK_REFUSED = Field(json_schema_extra={"pattern": NOT_BLANK})
WorkflowName = Annotated[str, BeforeValidator(workflow_name)]
RECORD_SCHEMA = {
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": MAX_ID},
        {
            "type": "string",
            "maxLength": MAX_KEY_CHARACTERS,
            "pattern": r"^(0*[1-9][0-9]{0,17}|[^\u0000]*[^0-9\s\u0000][^\u0000]*)$",
        },
    ]
}
Record = Annotated[int | str, BeforeValidator(_record), WithJsonSchema(RECORD_SCHEMA)]
"""A record by its id, or by its natural key: the domain, url or place id. Digits are an id."""
Records = Annotated[list[Record], Field(min_length=1, max_length=MAX_REQUEUED)]
Reason = Annotated[str, StringConstraints(max_length=500), AfterValidator(_stripped), BLANK_REFUSED]
Actor = Annotated[str, StringConstraints(max_length=1_000), AfterValidator(_stripped), BLANK_REFUSED]
ErrorCode = Annotated[str, StringConstraints(max_length=100), AfterValidator(_stripped), BLANK_REFUSED]

ONE = Field(validation_alias=AliasChoices("record", "id"))
SOME = AliasChoices("records", "ids")


class _Payload(InputModel):
    model_config = ConfigDict(frozen=True)


class StatusQuestion(_Payload):
    """Counts by status, ages, live attempts, last tick, invariant breaches, and the settings that the function runs with."""

    action: Literal["status"] = "status"
    workflow: WorkflowName | None = None
    counts: Flag = Field(True, description="false leaves out counts and breaches, for which whole tables are read")


class ListRecords(_Payload):
    """Records by status or error code, highest id first."""

    action: Literal["list"] = "list"
    workflow: WorkflowName
    status: Status | None = None
    error_code: ErrorCode | None = None
    limit: Integer = Field(50, ge=1, le=500)
    before: Id | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "ListRecords":
        if self.error_code is not None and self.status not in (None, Status.ERROR):
            raise ValueError(f"a record that is {self.status} has no error_code; leave out one of the two")
        return self


class Errors(_Payload):
    """The records in Error grouped by code."""

    action: Literal["errors"] = "errors"
    workflow: WorkflowName | None = None
    limit: Integer = Field(20, ge=1, le=100)


class Explain(_Payload):
    """One record's timeline."""

    action: Literal["explain"] = "explain"
    workflow: WorkflowName
    record: Record = ONE


class Run(_Payload):
    """Claim and fan out now; ``dry_run`` only counts the queued records."""

    action: Literal["run"] = "run"
    workflow: WorkflowName | None = None
    limit: Integer | None = Field(None, ge=1, le=1_000)
    records: Records | None = Field(None, validation_alias=SOME)
    dry_run: Flag = False


class Process(_Payload):
    """Work on one Queued record in this very invocation, and answer with the result."""

    action: Literal["process"] = "process"
    workflow: WorkflowName
    record: Record = ONE


class Requeue(_Payload):
    """New, Completed or Error → Queued, for ``records`` or for an ``error_code``."""

    model_config = ConfigDict(json_schema_extra=exactly_one("records", "error_code"))

    action: Literal["requeue"] = "requeue"
    workflow: WorkflowName
    records: Records | None = Field(None, validation_alias=SOME)
    error_code: ErrorCode | None = None
    limit: Integer = Field(100, ge=1, le=MAX_REQUEUED)
    spread_seconds: Number = Field(0, ge=0, le=86_400)
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
    seconds: Number | None = Field(None, gt=0, le=MAX_PAUSE_SECONDS)


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
