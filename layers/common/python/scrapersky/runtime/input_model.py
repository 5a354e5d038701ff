"""What others send us: models that know each of their fields, and refuse what Postgres cannot keep.

Found out by the database, such a value would be an error of ours, and nobody would learn which field it stood in.
"""

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, field_validator


class InputModel(BaseModel):
    """A request's or payload's part. Text without NUL characters; instants of the years 1 to 9999, UTC where none is told."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*")
    @classmethod
    def _can_be_kept(cls, value: object) -> object:
        match value:
            case str() if "\0" in value:
                raise ValueError(
                    f"has a NUL character at position {value.index(chr(0))}, which no database keeps; leave it out"
                )
            case datetime():
                return _instant(value)
        return value


def _instant(value: datetime) -> datetime:
    try:
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside of the years 1 to 9999, in UTC") from None
