"""Tickets: what travels through SQS. A claim ticket (workflow, attempt), never data; everything else is in Postgres."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class Ticket(BaseModel):
    """Permission to work on one attempt, if it is still live when the ticket arrives."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    v: Literal[1] = 1
    workflow: str
    attempt_id: int = Field(ge=1)


class MalformedTicket(ValueError):
    """A message that is no ticket; the text names the field, and never repeats the body."""


def parse_ticket(body: str) -> Ticket:
    """Reads a message's body. Raises :class:`MalformedTicket`."""
    try:
        return Ticket.model_validate_json(body)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}" for problem in error.errors()
        )
        raise MalformedTicket(problems) from None
