"""The curation API: authorization of every route, separate authorization of triggers, and the function's permissions."""

import json

from infra.curation_api import ROUTES
from tests.infra.template import Template, target


def test_every_route_requires_a_signed_request(template: Template) -> None:
    routes = template.of_type("AWS::ApiGatewayV2::Route").values()
    assert {one["RouteKey"]: one["AuthorizationType"] for one in routes} == {
        "GET /{proxy+}": "AWS_IAM",
        "POST /{proxy+}": "AWS_IAM",
        "POST /dev-tools/{proxy+}": "AWS_IAM",
        "GET /console/{proxy+}": "AWS_IAM",
        "POST /console/{proxy+}": "AWS_IAM",
        "POST /data-protection/{proxy+}": "AWS_IAM",
    }


def test_only_the_api_gateway_may_invoke_the_function_and_only_for_this_api(template: Template) -> None:
    alias = target(next(iter(template.of_type("AWS::ApiGatewayV2::Integration").values()))["IntegrationUri"])
    assert template.resources[template.live({"Ref": alias})]["Properties"]["FunctionName"] == f"{template.stack}-api"
    (api,) = template.of_type("AWS::ApiGatewayV2::Api")
    (permission,) = (
        one for one in template.of_type("AWS::Lambda::Permission").values() if target(one["FunctionName"]) == alias
    )
    assert permission["Principal"] == "apigateway.amazonaws.com"
    assert {"Ref": api} in permission["SourceArn"]["Fn::Join"][1]


def test_requests_are_logged_and_throttled(template: Template) -> None:
    (stage,) = template.of_type("AWS::ApiGatewayV2::Stage").values()
    assert stage["StageName"] == "$default"
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": 50, "ThrottlingBurstLimit": 100}
    assert "$context.identity.userArn" in stage["AccessLogSettings"]["Format"]
    assert template.resources[target(stage["AccessLogSettings"]["DestinationArn"])]["Type"] == "AWS::Logs::LogGroup"


def test_the_functions_timeout_is_shorter_than_the_integrations(template: Template) -> None:
    (integration,) = template.of_type("AWS::ApiGatewayV2::Integration").values()
    assert template.function("api")["Timeout"] * 1000 < integration["TimeoutInMillis"]
    assert integration["PayloadFormatVersion"] == "2.0"


def test_a_stage_with_an_issuer_accepts_tokens_and_requires_a_scope_per_route(with_tokens: Template) -> None:
    template = with_tokens
    ((id, authorizer),) = template.of_type("AWS::ApiGatewayV2::Authorizer").items()
    assert authorizer["JwtConfiguration"] == {"Issuer": "https://login.example", "Audience": ["scrapersky"]}
    routes = template.of_type("AWS::ApiGatewayV2::Route").values()
    assert all(one["AuthorizationType"] == "JWT" and target(one["AuthorizerId"]) == id for one in routes)
    assert {one["RouteKey"]: one["AuthorizationScopes"] for one in routes} == {
        key: [scope] for key, scope in ROUTES.values()
    }
    (published,) = template.of_type("AWS::ApiGatewayV2::Stage").values()
    assert json.loads(published["AccessLogSettings"]["Format"])["caller"] == "$context.authorizer.claims.sub"
