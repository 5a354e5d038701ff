"""The base model for external input: rejects unknown fields and values that Postgres cannot store, naming the field."""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, field_validator


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
