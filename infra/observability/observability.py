"""Everything that watches the stack, in one construct."""

from collections.abc import Mapping

from aws_cdk import aws_apigatewayv2 as http
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.observability.alarm import Bell
from infra.observability.api_alarms import ApiAlarms
from infra.observability.dashboard import Dashboard
from infra.observability.dead_letter_alarms import DeadLetterAlarms
from infra.observability.function_alarms import FunctionAlarms
from infra.observability.outcome_alarms import OutcomeAlarms
from infra.observability.queries import Queries
from infra.observability.tick_alarms import TickAlarms
from infra.observability.topic import alarm_topic
from infra.observability.workflow_alarms import WorkflowAlarms
from infra.plan import Plan
from infra.queues import Queues
from scrapersky.runtime.registry import SERVICES


class Observability(Construct):
    """Alarms and their topic, saved queries, and the dashboard.

    ``functions`` by name; ``queues``: each service's, by its name.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        plan: Plan,
        functions: Mapping[str, lambda_.Function],
        queues: Mapping[str, Queues],
        api: http.CfnApi,
    ) -> None:
        super().__init__(scope, id)
        self.topic = alarm_topic(self)
        bell = Bell(plan, self.topic, [])
        for service in SERVICES:
            for workflow in service.workflows:
                WorkflowAlarms(self, f"Workflow-{workflow.name}", service=service, workflow=workflow, bell=bell)
                OutcomeAlarms(self, f"Outcomes-{workflow.name}", service=service, workflow=workflow, bell=bell)
            dead = queues[service.name].dead
            DeadLetterAlarms(self, f"DeadLetters-{service.name}", service=service, queue=dead, bell=bell)
        for name, function in functions.items():
            FunctionAlarms(self, f"Function-{name}", name=name, function=function, bell=bell)
        TickAlarms(self, "Ticks", bell=bell)
        ApiAlarms(self, "Api", api=api, bell=bell)
        log_groups = [function.log_group for function in functions.values()]
        if plan.stage.saved_queries:
            Queries(self, "Queries", plan=plan, log_groups=log_groups)
        Dashboard(self, "Dashboard", bell=bell, functions=functions, queues=queues, log_groups=log_groups)
