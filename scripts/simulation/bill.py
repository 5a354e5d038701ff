"""What a run would cost at list prices."""

from collections.abc import Mapping

from scripts.simulation.system import Measured, Settings

SENDS_RECEIVES_AND_DELETES = 3
LOG_BYTES = 800
"""Of one record's lines, as measured by the local run (scripts/pricing/durations.json)."""


def dollars(measured: Measured, settings: Settings, price: Mapping[str, float]) -> dict[str, float]:
    """By item, for the records done in the run."""
    gigabytes = settings.memory_mb / 1024
    batches = measured.done / min(10, settings.together)  # SQS takes and gives ten messages a call
    return {
        "lambda time": measured.billed_seconds * gigabytes * price["lambda_gb_second_arm64"],
        "lambda requests": (measured.invocations + measured.ticks) * price["lambda_request"],
        "sqs": SENDS_RECEIVES_AND_DELETES * batches * price["sqs_request"],
        "logs": measured.done * LOG_BYTES / 1e9 * price["logs_gb"],
    }


def gb_seconds(measured: Measured, settings: Settings) -> float:
    """What Lambda bills by."""
    return measured.billed_seconds * settings.memory_mb / 1024
