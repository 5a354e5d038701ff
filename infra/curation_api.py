"""The curation API: an HTTP API in front of one function. Operators' triggers have an authorisation of their own."""

import json
from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_apigatewayv2 as http
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.function import function
from infra.layers import Bundle
from infra.plan import Plan

TIMEOUT_SECONDS = 29
"""An HTTP API waits 30 seconds at most; the function must have answered before."""

ROUTES = {
    "Read": ("GET /{proxy+}", "scrapersky/curate"),
    "Curate": ("POST /{proxy+}", "scrapersky/curate"),
    "DevTools": ("POST /dev-tools/{proxy+}", "scrapersky/operate"),
}
"""Each route, and the scope that a token needs for it. With IAM, a policy allows execute-api:Invoke on some or on all."""

LOGGED = {
    "requestId": "$context.requestId",
    "caller": "$context.identity.userArn",
    "ip": "$context.identity.sourceIp",
    "route": "$context.routeKey",
    "path": "$context.path",
    "status": "$context.status",
    "error": "$context.error.message",
    "milliseconds": "$context.responseLatency",
}


class CurationApi(Construct):
    """The API, its function, and who may call it: IAM principals, or bearers of tokens when the stage names an issuer.

    The function may read the ``database`` secret and invoke ``services``, and nothing else.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        plan: Plan,
        bundle: Bundle,
        database: secretsmanager.ISecret,
        services: Sequence[lambda_.Function],
    ) -> None:
        super().__init__(scope, id)
        self.function = function(
            self,
            name="api",
            description="Serves the curation API",
            plan=plan,
            bundle=bundle,
            timeout_seconds=TIMEOUT_SECONDS,
            environment={},
            secrets=[database],
        )
        self.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["lambda:InvokeFunction"], resources=[service.function_arn for service in services]
            )
        )
        self.api = http.CfnApi(self, "Http", name=f"{plan.stage.stack}-curation", protocol_type="HTTP")
        self._route(plan)
        self._publish(plan)

    def _route(self, plan: Plan) -> None:
        """Every route leads to the function; each asks for its own authorisation."""
        integration = http.CfnIntegration(
            self,
            "Integration",
            api_id=self.api.ref,
            integration_type="AWS_PROXY",
            integration_uri=self.function.function_arn,
            payload_format_version="2.0",
            timeout_in_millis=30_000,
        )
        authorizer = self._authorizer(plan)
        for name, (key, scope) in ROUTES.items():
            http.CfnRoute(
                self,
                name,
                api_id=self.api.ref,
                route_key=key,
                target=f"integrations/{integration.ref}",
                authorization_type="JWT" if authorizer else "AWS_IAM",
                authorizer_id=authorizer.ref if authorizer else None,
                authorization_scopes=[scope] if authorizer else None,
            )
        self.function.add_permission(
            "Http",
            principal=iam.ServicePrincipal("apigateway.amazonaws.com"),
            source_arn=Stack.of(self).format_arn(
                service="execute-api", resource=self.api.ref, resource_name="*/*/{proxy+}"
            ),
        )

    def _authorizer(self, plan: Plan) -> http.CfnAuthorizer | None:
        if not plan.stage.jwt_issuer:
            return None
        return http.CfnAuthorizer(
            self,
            "Tokens",
            api_id=self.api.ref,
            name="tokens",
            authorizer_type="JWT",
            identity_source=["$request.header.Authorization"],
            jwt_configuration=http.CfnAuthorizer.JWTConfigurationProperty(
                issuer=plan.stage.jwt_issuer, audience=list(plan.stage.jwt_audience)
            ),
        )

    def _publish(self, plan: Plan) -> None:
        """The one stage of the API, with its access log and its throttle."""
        stage = plan.stage
        log = logs.LogGroup(self, "AccessLog", retention=stage.log_retention, removal_policy=stage.log_removal)
        http.CfnStage(
            self,
            "Default",
            api_id=self.api.ref,
            stage_name="$default",
            auto_deploy=True,
            access_log_settings=http.CfnStage.AccessLogSettingsProperty(
                destination_arn=log.log_group_arn, format=json.dumps(LOGGED)
            ),
            default_route_settings=http.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=stage.api_requests_per_second, throttling_burst_limit=stage.api_burst
            ),
        )
