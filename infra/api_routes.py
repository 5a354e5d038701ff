"""The routes of the curation API. Operators' triggers have an authorisation of their own."""

from aws_cdk import Stack
from aws_cdk import aws_apigatewayv2 as http
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.plan import Plan

ROUTES = {
    "Read": ("GET /{proxy+}", "scrapersky/curate"),
    "Curate": ("POST /{proxy+}", "scrapersky/curate"),
    "DevTools": ("POST /dev-tools/{proxy+}", "scrapersky/operate"),
}
"""Each route, and the scope that a token needs for it. With IAM, a policy allows execute-api:Invoke on some or on all."""


def route(scope: Construct, *, api: http.CfnApi, to: lambda_.Function, plan: Plan) -> None:
    """Every route leads to one function; each asks for its own authorisation."""
    integration = http.CfnIntegration(
        scope,
        "Integration",
        api_id=api.ref,
        integration_type="AWS_PROXY",
        integration_uri=to.function_arn,
        payload_format_version="2.0",
        timeout_in_millis=30_000,
    )
    tokens = authorizer(scope, api=api, plan=plan)
    for name, (key, needed) in ROUTES.items():
        http.CfnRoute(
            scope,
            name,
            api_id=api.ref,
            route_key=key,
            target=f"integrations/{integration.ref}",
            authorization_type=plan.stage.authorization,
            authorizer_id=tokens.ref if tokens else None,
            authorization_scopes=[needed] if tokens else None,
        )
    to.add_permission(
        "Http",
        principal=iam.ServicePrincipal("apigateway.amazonaws.com"),
        source_arn=Stack.of(scope).format_arn(service="execute-api", resource=api.ref, resource_name="*/*/{proxy+}"),
    )


def authorizer(scope: Construct, *, api: http.CfnApi, plan: Plan) -> http.CfnAuthorizer | None:
    """Who says that a token is good; None when callers sign as IAM principals."""
    if not plan.stage.jwt_issuer:
        return None
    return http.CfnAuthorizer(
        scope,
        "Tokens",
        api_id=api.ref,
        name="tokens",
        authorizer_type="JWT",
        identity_source=["$request.header.Authorization"],
        jwt_configuration=http.CfnAuthorizer.JWTConfigurationProperty(
            issuer=plan.stage.jwt_issuer, audience=list(plan.stage.jwt_audience)
        ),
    )
