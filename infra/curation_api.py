"""The curation API: an HTTP API in front of one function."""

from collections.abc import Sequence

from aws_cdk import aws_apigatewayv2 as http
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.api_routes import route
from infra.api_stage import publish
from infra.function import Functions

TIMEOUT_SECONDS = 29
"""An HTTP API waits 30 seconds at most; the function must have answered before."""


class CurationApi(Construct):
    """The API, its function, and who may call it: IAM principals, or bearers of tokens when the stage names an issuer.

    The function may read the database's secret and invoke ``services``, and nothing else.
    """

    def __init__(
        self, scope: Construct, id: str, *, functions: Functions, services: Sequence[lambda_.Function]
    ) -> None:
        super().__init__(scope, id)
        self.function = functions.make(
            self, name="api", description="Serves the curation API", timeout_seconds=TIMEOUT_SECONDS, environment={}
        )
        self.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["lambda:InvokeFunction"], resources=[service.function_arn for service in services]
            )
        )
        plan = functions.plan
        self.api = http.CfnApi(self, "Http", name=f"{plan.stage.stack}-curation", protocol_type="HTTP")
        route(self, api=self.api, to=self.function, plan=plan)
        publish(self, api=self.api, plan=plan)
