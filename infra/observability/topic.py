"""Where alarms go: people subscribe to it (``aws sns subscribe``), per stage."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct


def alarm_topic(scope: Construct) -> sns.Topic:
    """A topic that only CloudWatch of this account may publish to, over TLS.

    The explicit permission is needed: a topic with any policy of its own loses the one it is born with, and alarms
    would fire into nothing. It is not encrypted with a key: the AWS-managed one refuses CloudWatch, an own one costs a
    dollar a month, and an alarm names no person and no secret.
    """
    topic = sns.Topic(scope, "Alarms", enforce_ssl=True)
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            sid="AlarmsOfThisAccount",
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            conditions={"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}},
        )
    )
    return topic
