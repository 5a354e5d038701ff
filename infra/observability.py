"""What operators see: alarms and their topic, saved queries, and the dashboard."""

from collections.abc import Mapping

from aws_cdk import Stack
from aws_cdk import aws_apigatewayv2 as http
from aws_cdk import aws_iam as iam
from aws_cdk import aws_rds as rds
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.alarms import AlarmFactory, add_alarms
from infra.dashboard import Dashboard
from infra.function import Function
from infra.plan import Plan
from infra.queues import Queues
from infra.saved_queries import SavedQueries


class Observability(Construct):
    """Alarms and their topic, saved queries, and the dashboard.

    ``functions`` by name; ``queues`` by the service's name.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        plan: Plan,
        functions: Mapping[str, Function],
        queues: Mapping[str, Queues],
        api: http.CfnApi,
        cluster: rds.DatabaseCluster | None,
    ) -> None:
        super().__init__(scope, id)
        self.topic = alarm_topic(self)
        if plan.stage.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(plan.stage.alarm_email))
        alarms = AlarmFactory(plan, self.topic)
        add_alarms(self, alarms, functions=functions, queues=queues, api=api, cluster=cluster)
        log_groups = [function.log_group for function in functions.values()]
        if plan.stage.saved_queries:
            SavedQueries(self, "Queries", plan=plan, log_groups=log_groups)
        Dashboard(
            self,
            "Dashboard",
            plan=plan,
            alarms=alarms.alarms,
            functions=functions,
            queues=queues,
            log_groups=log_groups,
            cluster=cluster,
        )


def alarm_topic(scope: Construct) -> sns.Topic:
    """Return a topic for alarms that only CloudWatch of this account may publish to, over TLS. Operators subscribe to it.

    The explicit permission is necessary: a topic with a policy of its own loses the default one, and alarms could not be
    published. The topic is not encrypted with a key: CloudWatch may not use the AWS-managed one, a customer-managed one
    costs a dollar a month, and an alarm contains neither personal data nor secrets.
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
