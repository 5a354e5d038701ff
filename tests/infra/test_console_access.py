"""Who may use the console: the policies of a stage with signed requests, and what a stage with tokens publishes."""

import json
from typing import Any

from infra.curation_api import ROUTES
from scripts.commands.console.oidc import Provider
from scripts.commands.scrapersky.console import authorization_of
from tests.infra.template import Template


def allowed(template: Template, name: str) -> dict[str, list[str]]:
    """Return the resources by action that the managed policy of the output ``name`` allows; a reference as its target."""
    policy = template.resources[template.body["Outputs"][name]["Value"]["Ref"]]["Properties"]["PolicyDocument"]
    found: dict[str, list[str]] = {}
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        found.setdefault(statement["Action"], []).extend(map(joined, resources))
    return found


def joined(resource: dict[str, Any]) -> str:
    """Return an ARN of a template with its references as ``{name}``."""
    return "".join(part if isinstance(part, str) else f"{{{part['Ref']}}}" for part in resource["Fn::Join"][1])


def test_a_viewer_may_look_at_the_console_and_change_nothing(template: Template) -> None:
    found = allowed(template, "ConsoleViewerPolicyArn")
    assert {*found} == {"cloudformation:DescribeStacks", "execute-api:Invoke"}
    (api,) = template.of_type("AWS::ApiGatewayV2::Api")
    account = "{AWS::Region}:{AWS::AccountId}"
    assert found["execute-api:Invoke"] == [
        f"arn:{{AWS::Partition}}:execute-api:{account}:{{{api}}}/$default/GET/console/*"
    ]
    assert found["cloudformation:DescribeStacks"] == [
        f"arn:{{AWS::Partition}}:cloudformation:{account}:stack/{template.stack}/*"
    ]


def test_an_operator_may_also_change_what_the_console_can_change_and_call_no_other_route(template: Template) -> None:
    viewer, operator = (allowed(template, f"Console{name}PolicyArn") for name in ("Viewer", "Operator"))
    (look,) = viewer["execute-api:Invoke"]
    assert operator == viewer | {"execute-api:Invoke": [look, look.replace("/GET/", "/POST/")]}


def test_a_stage_with_tokens_has_no_policies_and_publishes_where_the_console_logs_in(with_tokens: Template) -> None:
    assert "AWS::IAM::ManagedPolicy" not in json.dumps(with_tokens.resources)
    values = {name: one["Value"] for name, one in with_tokens.body["Outputs"].items()}
    outputs = {name: value for name, value in values.items() if isinstance(value, str)}
    scopes = {key: scope for key, scope in ROUTES.values() if "/console/" in key}
    found = authorization_of(outputs, "https://abc.execute-api.eu-west-1.amazonaws.com")
    assert found == Provider(
        "https://login.example",
        "console",
        (scopes["GET /console/{proxy+}"], scopes["POST /console/{proxy+}"]),
        "scrapersky",
    )
