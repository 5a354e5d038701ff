"""The context that Lambda hands to a handler."""

from dataclasses import dataclass


@dataclass
class LambdaContext:
    """What Lambda hands to a handler, with as much time left as the test says."""

    function_name: str = "scrapersky-test-domain-scheduler"
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:000000000000:function:test"
    aws_request_id: str = "request-1"
    remaining_ms: int = 180_000

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds left."""
        return self.remaining_ms
