"""Messages: what travels through SQS. A claim message (workflow, attempt), never data; everything else is in Postgres."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class Message(BaseModel):
    """Permission to work on one attempt, if it is still live when the message arrives."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    v: Literal[1] = 1
    workflow: str
    attempt_id: int = Field(ge=1)


class MalformedMessage(ValueError):
    """A message that is no message; the text names the field, and never repeats the body."""


def parse_message(body: str) -> Message:
    """Reads a message's body. Raises :class:`MalformedMessage`."""
    try:
        return Message.model_validate_json(body)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}" for problem in error.errors()
        )
        raise MalformedMessage(problems) from None
