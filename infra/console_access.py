"""Who may use the console where requests are signed: managed policies to attach to people's roles."""

from collections.abc import Mapping

from aws_cdk import Acknowledgment, ArnFormat, Stack, Validations
from aws_cdk import aws_apigatewayv2 as http
from aws_cdk import aws_iam as iam
from constructs import Construct

METHODS: Mapping[str, tuple[str, ...]] = {"Viewer": ("GET",), "Operator": ("GET", "POST")}
"""What each policy allows on the console's pages. Every change is a POST."""


class ConsoleAccess(Construct):
    """The policies, by name: those of :data:`METHODS`. ``scripts/scrapersky console`` needs nothing more."""

    def __init__(self, scope: Construct, id: str, *, api: http.CfnApi) -> None:
        super().__init__(scope, id)
        stack = Stack.of(self)
        own = stack.format_arn(
            service="cloudformation",
            resource="stack",
            resource_name=f"{stack.stack_name}/*",
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )
        self.policies = {name: self._add(name, own, _routes(stack, api, METHODS[name])) for name in METHODS}

    def _add(self, name: str, stack: str, routes: list[str]) -> iam.ManagedPolicy:
        """Add a policy that allows the ``routes``, and finding them in the outputs of ``stack`` (ARNs)."""
        policy = iam.ManagedPolicy(
            self,
            name,
            description=f"{name} of the console of {Stack.of(self).stack_name}",
            statements=[
                iam.PolicyStatement(actions=["cloudformation:DescribeStacks"], resources=[stack]),
                iam.PolicyStatement(actions=["execute-api:Invoke"], resources=routes),
            ],
        )
        for arn in (stack, *routes):
            resolved = Stack.of(self).resolve(arn)
            parts = (
                [resolved] if isinstance(resolved, str) else resolved["Fn::Join"][1]
            )  # a pinned account has no tokens
            written = "".join(part if isinstance(part, str) else f"<{part['Ref']}>" for part in parts)
            Validations.of(policy).acknowledge(
                Acknowledgment(
                    id=f"AwsSolutions::AwsSolutions-IAM5[Resource::{written}]",
                    reason="all pages of the console have the same readers; a stack's id is made by CloudFormation",
                )
            )
        return policy


def _routes(stack: Stack, api: http.CfnApi, methods: tuple[str, ...]) -> list[str]:
    return [
        stack.format_arn(service="execute-api", resource=api.ref, resource_name=f"$default/{method}/console/*")
        for method in methods
    ]
