"""The alarm of the curation API: that it fails."""

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as http
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.observability.alarm import Bell


class ApiAlarms(Construct):
    """What must wake somebody about ``api``: nothing else notices that its function dies, for no tick comes by it."""

    def __init__(self, scope: Construct, id: str, *, api: http.CfnApi, bell: Bell) -> None:
        super().__init__(scope, id)
        bell.alarm(
            self, "Failing", name="Curation fails: api", above=0, periods=2, of=3,
            metric=cloudwatch.Metric(
                namespace="AWS/ApiGateway", metric_name="5xx", dimensions_map={"ApiId": api.ref},
                statistic="Sum", period=Duration.minutes(5),
            ),
            meaning="The curation API answers 5xx.",
        )  # fmt: skip
