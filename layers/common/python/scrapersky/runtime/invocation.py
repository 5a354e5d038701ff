"""One invocation of a function: who works, and until when."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Invocation:
    """``request_id`` and ``worker`` are stored with each attempt; ``remaining()`` returns the seconds left."""

    request_id: str
    worker: str
    remaining: Callable[[], float]

    @classmethod
    def of(cls, context: Any) -> "Invocation":
        """Read Lambda's context object."""
        return cls(
            request_id=context.aws_request_id,
            worker=f"{context.function_name}:{context.function_version}",
            remaining=lambda: context.get_remaining_time_in_millis() / 1000,
        )
