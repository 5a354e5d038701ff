"""A service's queue of messages, its dead-letter queue, and how a function takes from a queue."""

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.plan import Plan


class Queues(Construct):
    """``work`` carries claim messages to the service, ``dead`` those that too often could not even be started."""

    def __init__(self, scope: Construct, id: str, *, plan: Plan) -> None:
        super().__init__(scope, id)
        stage = plan.stage
        # A message must stay hidden while the poller waits for a free instance, not only while the function runs.
        visibility = Duration.seconds(plan.visibility_seconds)
        self.dead = sqs.Queue(
            self,
            "Dead",
            visibility_timeout=visibility,
            retention_period=Duration.days(stage.dead_letter_retention_days),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )
        self.work = sqs.Queue(
            self,
            "Work",
            visibility_timeout=visibility,
            retention_period=Duration.days(stage.queue_retention_days),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead, max_receive_count=stage.max_receive_count),
        )


def take(id: str, queue: sqs.Queue, *, by: lambda_.Function, batch_size: int, at_once: int) -> None:
    """Gives messages of ``queue`` to the function ``by``, up to ``batch_size`` a time, in up to ``at_once`` invocations.

    The handler's answer says which messages failed: without ``report_batch_item_failures`` AWS would ignore the answer
    and delete them all. Reserved concurrency would throttle polls, and each throttled poll counts as a delivery.
    """
    queue.grant_consume_messages(by)
    by.add_event_source_mapping(
        id,
        event_source_arn=queue.queue_arn,
        batch_size=batch_size,
        max_concurrency=at_once,
        # AWS gives more than ten at a time only to a mapping that waits for them.
        max_batching_window=Duration.seconds(1) if batch_size > 10 else None,
        report_batch_item_failures=True,
    )
