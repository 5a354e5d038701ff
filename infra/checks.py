"""cdk-nag's AwsSolutions rules over a stack: a finding that nobody acknowledged fails the synth.

dev and prod need no acknowledgement; a stage in a VPC, and one whose data may be thrown away, do (``infra/network.py``,
``infra/own_database.py``). Whoever must live with a finding says why beside the construct it is about:
``Validations.of(construct).acknowledge(Acknowledgment(id="AwsSolutions::AwsSolutions-…", reason="…"))``.
"""

from aws_cdk import Stack, Validations
from cdk_nag import AwsSolutionsChecks


def check(stack: Stack) -> None:
    """Adds the rules to the synth of ``stack``."""
    Validations.of(stack).add_plugins(AwsSolutionsChecks(stack))
