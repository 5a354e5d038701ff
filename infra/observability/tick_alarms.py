"""The alarms of invocations: a tick that could not serve a workflow, a dead letter of nobody."""

from constructs import Construct

from infra.observability.alarm import Bell
from infra.observability.metrics import Metrics
from scrapersky import metrics as metric_names
from scrapersky.runtime.registry import SERVICES


class TickAlarms(Construct):
    """What must wake somebody about what the functions themselves complain of."""

    def __init__(self, scope: Construct, id: str, *, bell: Bell) -> None:
        super().__init__(scope, id)
        metrics = Metrics(bell.plan.stage.name)
        for service in SERVICES:
            bell.alarm(
                self, f"Failed-{service.name}", name=f"Tick failed: {service.name}", above=0, periods=2, of=3,
                metric=metrics.of_service(
                    metric_names.TICK_FAILED, service.name, statistic="Sum", minutes=bell.minutes(service)
                ),
                meaning="A tick could not serve one of its workflows.",
            )  # fmt: skip
        bell.alarm(
            self, "Nobody", name="Dead letter of nobody: dead-letter", above=0, periods=1,
            metric=metrics.of_service(metric_names.UNATTRIBUTABLE, "dead-letter", statistic="Sum", minutes=5),
            meaning="A message in a dead-letter queue names no attempt: somebody else sends to our queue.",
        )  # fmt: skip
