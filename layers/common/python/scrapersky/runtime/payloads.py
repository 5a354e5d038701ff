"""Manual payloads: what an operator may send to a service, as models. A bad one is refused by field, and changes nothing.

Read by the services (:mod:`scrapersky.runtime.manual`), which serve them, and by the curation API, which passes them on.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, model_validator

from scrapersky.runtime.input_model import InputModel
from scrapersky.status.requeue import MAX_REQUEUED

Ids = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1, max_length=MAX_REQUEUED)]
Reason = Annotated[str, Field(min_length=1, max_length=500)]
Actor = Annotated[str, Field(min_length=1, max_length=100)]


class _Payload(InputModel):
    model_config = ConfigDict(frozen=True)


class Run(_Payload):
    """Claim and fan out now; with ``dry_run`` only say what would be claimed."""

    action: Literal["run"] = "run"
    workflow: str | None = None
    limit: int | None = Field(None, ge=1, le=1_000)
    ids: Ids | None = None
    dry_run: bool = False


class StatusQuestion(_Payload):
    """Counts by status, ages, live attempts, last tick, invariant breaches."""

    action: Literal["status"] = "status"
    workflow: str | None = None


class Explain(_Payload):
    """One record's timeline."""

    action: Literal["explain"] = "explain"
    workflow: str
    id: int = Field(ge=1)


class Requeue(_Payload):
    """New, Completed or Error → Queued, for ``ids`` or for an ``error_code``."""

    action: Literal["requeue"] = "requeue"
    workflow: str
    ids: Ids | None = None
    error_code: str | None = None
    limit: int = Field(100, ge=1, le=MAX_REQUEUED)
    spread_seconds: float = Field(0, ge=0, le=86_400)
    reason: Reason
    actor: Actor = "operator"

    @model_validator(mode="after")
    def _filtered(self) -> "Requeue":
        if (self.ids is None) == (self.error_code is None):
            raise ValueError("exactly one of ids and error_code is needed: an empty filter would mean every record")
        return self


class Cancel(_Payload):
    """Queued → New."""

    action: Literal["cancel"] = "cancel"
    workflow: str
    ids: Ids
    reason: Reason
    actor: Actor = "operator"


class Abandon(_Payload):
    """Processing → Error ``abandoned``: the live attempt ends, and what its worker still brings is discarded."""

    action: Literal["abandon"] = "abandon"
    workflow: str
    ids: Ids
    reason: Reason
    actor: Actor = "operator"


class Pause(_Payload):
    """Stop claims of one workflow, or of all that the service owns."""

    action: Literal["pause"] = "pause"
    workflow: str | None = None
    reason: Reason
    actor: Actor = "operator"
    seconds: float | None = Field(None, gt=0)


class Resume(_Payload):
    """Let claims go on."""

    action: Literal["resume"] = "resume"
    workflow: str | None = None
    reason: Reason
    actor: Actor = "operator"


class Process(_Payload):
    """Work on one Queued record in this very invocation, and answer with its end."""

    action: Literal["process"] = "process"
    workflow: str
    id: int = Field(ge=1)


Payload = Annotated[
    Run | StatusQuestion | Explain | Requeue | Cancel | Abandon | Pause | Resume | Process,
    Field(discriminator="action"),
]
PAYLOAD: TypeAdapter[Payload] = TypeAdapter(Payload)
