"""The context that Lambda passes to a handler."""

from dataclasses import dataclass


@dataclass
class LambdaContext:
    """Lambda's context, with as much time left as the test chooses."""

    function_name: str = "scrapersky-test-domain-scheduler"
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:000000000000:function:test"
    aws_request_id: str = "request-1"
    remaining_ms: int = 180_000

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left."""
        return self.remaining_ms
