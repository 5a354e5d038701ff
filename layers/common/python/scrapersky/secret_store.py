"""Secrets, from Secrets Manager only: kept for five minutes, read again on demand, never logged."""

import time
from dataclasses import dataclass, field

MAX_AGE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Kept:
    """A secret's value, and when it was read (monotonic seconds)."""

    value: str = field(repr=False)
    read_at: float


kept: dict[str, Kept] = {}
"""By the secret's name, for as long as the function's process lives."""


def read_secret(name: str, *, fresh: bool = False) -> str:
    """The value of the secret ``name`` (or ARN); with ``fresh`` from AWS and not from the cache, as after a rotation."""
    if not name:
        raise ValueError("no secret is named: set DATABASE_SECRET or PLACES_SECRET to its name or ARN")
    known = kept.get(name)
    if known and not fresh and time.monotonic() - known.read_at < MAX_AGE_SECONDS:
        return known.value
    # Not Powertools' Parameters: it makes a second AWS session beside the queue's, for 40 ms of a cold start.
    import boto3  # noqa: PLC0415 - not needed where a url is given instead of a secret

    answer = boto3.client("secretsmanager").get_secret_value(SecretId=name)
    value = answer["SecretString"] if "SecretString" in answer else answer["SecretBinary"].decode()
    kept[name] = Kept(value, time.monotonic())
    return kept[name].value
