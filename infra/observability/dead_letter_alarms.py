"""The alarms of a service's dead letters: that there are any, and that they are not marked."""

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.observability.alarm import Bell
from infra.observability.metrics import Metrics
from scrapersky import metrics as metric_names
from scrapersky.runtime.registry import Service


class DeadLetterAlarms(Construct):
    """What must wake somebody about the dead letters of ``service`` in ``queue``.

    Depth alone says nothing when all is well: the dead-letter function empties the queue within seconds. So the letters
    are counted where they are marked, and the depth tells that nobody marks them.
    """

    def __init__(self, scope: Construct, id: str, *, service: Service, queue: sqs.Queue, bell: Bell) -> None:
        super().__init__(scope, id)
        metrics = Metrics(bell.plan.stage.name)
        for workflow in service.workflows:
            bell.alarm(
                self, f"Dead{workflow.name}", name=f"Dead-lettered: {workflow.name}", above=0, periods=1,
                metric=metrics.of_workflow(metric_names.DEAD_LETTERED, service, workflow, statistic="Sum", minutes=5),
                meaning="Messages could never be started and their records are in Error.",
            )  # fmt: skip
        bell.alarm(
            self, "NotDrained", name=f"Dead letters not drained: {service.name}", above=0, periods=2, of=3,
            metric=queue.metric_approximate_number_of_messages_visible(statistic="Maximum", period=Duration.minutes(5)),
            meaning="The dead-letter function does not mark what is in its queue.",
        )  # fmt: skip
