"""A service's message queue and its dead-letter queue, and the mapping from a queue to a function."""

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.function import Function
from infra.plan import Plan
from scrapersky.runtime.messages import MESSAGES_PER_INVOCATION


class Queues(Construct):
    """``work`` carries messages to the service; ``dead`` receives those that could not be started too many times."""

    def __init__(self, scope: Construct, id: str, *, plan: Plan) -> None:
        super().__init__(scope, id)
        stage = plan.stage
        # A message must stay invisible while the poller waits for a free instance, not only while the function runs.
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


def consume(id: str, queue: sqs.Queue, *, function: Function, max_concurrency: int) -> None:
    """Invoke ``function`` with batches of up to ten messages of ``queue``, up to ``max_concurrency`` at a time.

    The handler's response names the messages that failed. Warning: without ``report_batch_item_failures`` AWS ignores
    that response and deletes them all. Concurrency is limited by the mapping, because reserved concurrency would throttle
    polls, and each throttled poll counts as a receive.
    """
    queue.grant_consume_messages(function)
    function.live.add_event_source_mapping(
        id,
        event_source_arn=queue.queue_arn,
        batch_size=MESSAGES_PER_INVOCATION,
        max_concurrency=max_concurrency,
        report_batch_item_failures=True,
    )
