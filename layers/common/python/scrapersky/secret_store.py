"""Secrets from AWS Secrets Manager: cached for five minutes, read again on demand, never logged."""

import time
from dataclasses import dataclass, field

from scrapersky import aws

MAX_AGE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class CachedSecret:
    """A secret's value and the time when it was read (monotonic seconds)."""

    value: str = field(repr=False)
    read_at: float


cache: dict[str, CachedSecret] = {}
"""The secrets of this process by name."""


def read_secret(name: str, *, fresh: bool = False) -> str:
    """Return the value of the secret ``name`` (or ARN). With ``fresh``, bypass the cache, as after a rotation."""
    if not name:
        raise ValueError("the name of the secret is empty: set DATABASE_SECRET or PLACES_SECRET to its name or ARN")
    cached = cache.get(name)
    if cached and not fresh and time.monotonic() - cached.read_at < MAX_AGE_SECONDS:
        return cached.value
    # Not Powertools' Parameters, which creates a second AWS session: 40 ms of a cold start.
    answer = aws.client("secretsmanager").get_secret_value(SecretId=name)
    value: str = answer["SecretString"] if "SecretString" in answer else answer["SecretBinary"].decode()
    cache[name] = CachedSecret(value, time.monotonic())
    return value
