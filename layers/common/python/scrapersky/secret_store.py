"""Secrets, from Secrets Manager only: kept for five minutes, read again on demand, never logged."""

from aws_lambda_powertools.utilities import parameters

MAX_AGE_SECONDS = 300


def read_secret(name: str, *, fresh: bool = False) -> str:
    """The value of the secret ``name`` (or ARN); with ``fresh`` from AWS and not from the cache, as after a rotation."""
    if not name:
        raise ValueError("no secret is named: set DATABASE_SECRET or PLACES_SECRET to its name or ARN")
    value = parameters.get_secret(name, max_age=MAX_AGE_SECONDS, force_fetch=fresh)
    return value if isinstance(value, str) else value.decode()
