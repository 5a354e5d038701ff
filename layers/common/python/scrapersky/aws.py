"""AWS clients whose calls end long before the function does. Functions and layers make no other boto3 client."""

from typing import Any

CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
ATTEMPTS = 2
LONGEST_CALL_SECONDS = ATTEMPTS * (CONNECT_SECONDS + READ_SECONDS) + 1
"""SQS and Secrets Manager answer within milliseconds. A call that hangs ends after 15 seconds: two tries, and up to a
second between them."""


def client(service: str, *, read_seconds: float | None = None, attempts: int = ATTEMPTS, **options: Any) -> Any:
    """Return the boto3 client of ``service`` (``sqs``, ``secretsmanager``, ``lambda``, ``s3``), with more ``options``."""
    # Imported on first use, because boto3 costs two fifths of a tick, and a tick with nothing due calls nothing.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS if read_seconds is None else read_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        **options,
    )
    return boto3.client(service, config=config)  # type: ignore[call-overload]
