"""The one stage of the curation API: its access log and its throttle."""

import json

from aws_cdk import aws_apigatewayv2 as http
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.plan import Plan

LOGGED = {
    "requestId": "$context.requestId",
    "ip": "$context.identity.sourceIp",
    "route": "$context.routeKey",
    "path": "$context.path",
    "status": "$context.status",
    "error": "$context.error.message",
    "milliseconds": "$context.responseLatency",
}

CALLER = {"AWS_IAM": "$context.identity.userArn", "JWT": "$context.authorizer.claims.sub"}
"""Who asks, by how they are known."""


def publish(scope: Construct, *, api: http.CfnApi, plan: Plan) -> None:
    """Serves what stands: every request leaves one line of who asked for what."""
    stage = plan.stage
    log = logs.LogGroup(scope, "AccessLog", retention=stage.log_retention, removal_policy=stage.log_removal)
    http.CfnStage(
        scope,
        "Default",
        api_id=api.ref,
        stage_name="$default",
        auto_deploy=True,
        access_log_settings=http.CfnStage.AccessLogSettingsProperty(
            destination_arn=log.log_group_arn,
            format=json.dumps({"caller": CALLER[stage.authorization], **LOGGED}),
        ),
        default_route_settings=http.CfnStage.RouteSettingsProperty(
            throttling_rate_limit=stage.api_requests_per_second, throttling_burst_limit=stage.api_burst
        ),
    )
