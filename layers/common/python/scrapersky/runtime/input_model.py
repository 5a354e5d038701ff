"""The base model for external input: rejects unknown fields and values that Postgres cannot store, naming the field.

A number, flag or time that a field takes has the type that JSON has for it. pydantic would also convert a flag or a text to a
number, and a number to a flag or a time, which the OpenAPI document does not state.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator


def whole(value: Any) -> Any:
    """Return a whole number such as 2.0 as an integer, which it is in JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _instant(value: Any) -> Any:
    if not isinstance(value, str | datetime) or (isinstance(value, str) and "-" not in value):
        raise ValueError("should be a time such as 2026-11-28T09:30:00Z")
    return value


MAX_ID = 2**63 - 1
"""The largest id that Postgres can store (bigint)."""
LABEL = "^[0-9A-Za-zÀ-ÖØ-öø-ÿ]([0-9A-Za-zÀ-ÖØ-öø-ÿ ._-]*[0-9A-Za-zÀ-ÖØ-öø-ÿ])?$"
"""Labels are part of URLs and names of files: letters, digits, and within them spaces, dots, hyphens and underscores."""
Integer = Annotated[int, Field(strict=True), BeforeValidator(whole)]
Number = Annotated[float, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
Tenant = Annotated[str, Field(min_length=1, max_length=100)]
Label = Annotated[str, Field(min_length=1, max_length=100, pattern=LABEL)]
Id = Annotated[int, Field(strict=True, ge=1, le=MAX_ID), BeforeValidator(whole)]


class InputModel(BaseModel):
    """Part of a request or payload. Text without NUL or lone surrogates; times of the years 1 to 9999, in UTC.

    A time without an offset is taken as UTC.
    """

    model_config = ConfigDict(extra="forbid")

    @field_validator("*")
    @classmethod
    def _storable(cls, value: object) -> object:
        match value:
            case str():
                _check_text(value)
            case datetime():
                return _in_utc(value)
            case list():
                for element in value:
                    if isinstance(element, str):
                        _check_text(element)
        return value


def _check_text(text: str) -> None:
    if "\0" in text:
        raise ValueError(
            f"has a NUL character at position {text.index(chr(0))}, which Postgres cannot store; remove it"
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"has a lone surrogate at position {error.start}, which UTF-8 cannot encode") from None


def _in_utc(value: datetime) -> datetime:
    try:
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the years 1 to 9999 in UTC") from None


def exactly_one(*names: str) -> dict[str, Any]:
    """Return the JSON schema of a model in which exactly one of the optional fields ``names`` is needed."""
    null, given = {"type": "null"}, {"not": {"type": "null"}}
    return {
        "oneOf": [{"required": [name], "properties": {**dict.fromkeys(names, null), name: given}} for name in names]
    }
