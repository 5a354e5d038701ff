"""The curation API: an HTTP API in front of one function."""

import json
from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_apigatewayv2 as http
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.function import Function, Functions
from infra.stage import Stage
from scrapersky.settings import API_CONCURRENCY

TIMEOUT_SECONDS = 29
"""Timeout of the function. An HTTP API waits for at most 30 seconds, so the function must answer before."""

ROUTES = {
    "Read": ("GET /{proxy+}", "scrapersky/curate"),
    "Curate": ("POST /{proxy+}", "scrapersky/curate"),
    "DevTools": ("POST /dev-tools/{proxy+}", "scrapersky/operate"),
    "Console": ("GET /console/{proxy+}", "scrapersky/look"),
    "ConsoleActions": ("POST /console/{proxy+}", "scrapersky/operate"),
    "DataProtection": ("POST /data-protection/{proxy+}", "scrapersky/protect"),
}
"""Route key and required token scope, by construct id. With IAM, policies grant execute-api:Invoke per route.

The operators' triggers (dev-tools), the console and data protection are authorized separately from curation and from
each other. Who may act in the console may do there what curation and the triggers do, and suppress.
"""

ACCESS_LOG = {
    "requestId": "$context.requestId",
    "ip": "$context.identity.sourceIp",
    "route": "$context.routeKey",
    "path": "$context.path",
    "status": "$context.status",
    "error": "$context.error.message",
    "milliseconds": "$context.responseLatency",
}
"""Keys of an access log line, in addition to ``caller``."""

CALLER = {"AWS_IAM": "$context.identity.userArn", "JWT": "$context.authorizer.claims.sub"}
"""The caller's identity, by the kind of authorization."""


class CurationApi(Construct):
    """The API, its function, and its authorization: IAM, or JWT if the stage has an issuer.

    The function may read the database's secret and invoke ``services``, and nothing else.
    """

    def __init__(self, scope: Construct, id: str, *, functions: Functions, services: Sequence[Function]) -> None:
        super().__init__(scope, id)
        self.function = functions.make(
            self,
            name="api",
            description="Serves the curation API",
            timeout_seconds=TIMEOUT_SECONDS,
            environment={},
            reserved=API_CONCURRENCY if functions.plan.stage.reserved_concurrency else None,
        )
        self.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["lambda:InvokeFunction"], resources=[service.live.function_arn for service in services]
            )
        )
        stage = functions.plan.stage
        self.api = http.CfnApi(self, "Http", name=f"{stage.stack}-curation", protocol_type="HTTP")
        add_routes(self, api=self.api, function=self.function, stage=stage)
        add_default_stage(self, api=self.api, stage=stage)


def add_routes(scope: Construct, *, api: http.CfnApi, function: Function, stage: Stage) -> None:
    """Add :data:`ROUTES`, all of which invoke ``function``, and permit ``api`` to invoke it."""
    integration = http.CfnIntegration(
        scope,
        "Integration",
        api_id=api.ref,
        integration_type="AWS_PROXY",
        integration_uri=function.live.function_arn,
        payload_format_version="2.0",
        timeout_in_millis=30_000,
    )
    tokens = add_authorizer(scope, api=api, stage=stage)
    for name, (key, scope_of_token) in ROUTES.items():
        http.CfnRoute(
            scope,
            name,
            api_id=api.ref,
            route_key=key,
            target=f"integrations/{integration.ref}",
            authorization_type=stage.authorization,
            authorizer_id=tokens.ref if tokens else None,
            authorization_scopes=[scope_of_token] if tokens else None,
        )
    function.live.add_permission(
        "Http",
        principal=iam.ServicePrincipal("apigateway.amazonaws.com"),
        source_arn=Stack.of(scope).format_arn(service="execute-api", resource=api.ref, resource_name="*/*/{proxy+}"),
    )


def add_authorizer(scope: Construct, *, api: http.CfnApi, stage: Stage) -> http.CfnAuthorizer | None:
    """Add the authorizer that validates tokens; return None if callers sign their requests with IAM."""
    if not stage.jwt_issuer:
        return None
    return http.CfnAuthorizer(
        scope,
        "Tokens",
        api_id=api.ref,
        name="tokens",
        authorizer_type="JWT",
        identity_source=["$request.header.Authorization"],
        jwt_configuration=http.CfnAuthorizer.JWTConfigurationProperty(
            issuer=stage.jwt_issuer, audience=list(stage.jwt_audience)
        ),
    )


def add_default_stage(scope: Construct, *, api: http.CfnApi, stage: Stage) -> None:
    """Add the API's only stage, ``$default``, with its throttle and one access log line per request."""
    log = logs.LogGroup(scope, "AccessLog", retention=stage.log_retention, removal_policy=stage.log_removal)
    http.CfnStage(
        scope,
        "Default",
        api_id=api.ref,
        stage_name="$default",
        auto_deploy=True,
        access_log_settings=http.CfnStage.AccessLogSettingsProperty(
            destination_arn=log.log_group_arn,
            format=json.dumps({"caller": CALLER[stage.authorization], **ACCESS_LOG}),
        ),
        default_route_settings=http.CfnStage.RouteSettingsProperty(
            throttling_rate_limit=stage.api_requests_per_second, throttling_burst_limit=stage.api_burst
        ),
    )
