"""A record that cannot even be started ends in Error, through the real dead-letter queue.

The stack's own rules keep invoking ticks, so no test may depend on which tick claims a record that it queued.
"""

import io
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import Connection, insert, select

from scrapersky.models import Domain
from scrapersky.runtime.registry import DOMAIN_SCHEDULER, DOMAIN_SITEMAP_SUBMISSION, LIVE, METADATA, Service
from scrapersky.status.claim import claim
from scrapersky.status.control import pause, resume
from scrapersky.vocabulary import RecordId, Status
from scripts.commands.run.run import Options, drain
from scripts.commands.run.ticks import invoke_tick, rule_of
from tests.e2e.conftest import Running

pytestmark = pytest.mark.timeout(900)

CRASHING = "import os\nos._exit(1)\n"
MOST_TICKS = 20


def queue_domain(connection: Connection, host: str, **statuses: Status) -> RecordId:
    return connection.execute(insert(Domain).values(domain=host, **statuses).returning(Domain.id)).scalar_one()


def tick_until_claimed(running: Running, service: Service, domain_id: int) -> None:
    """Invoke the service's tick until the domain is Processing: claimed by this tick, or by one of the rule's own."""
    client, rule = (
        running.system.aws.client("lambda"),
        rule_of(running.system.aws, running.system.deployed(service).function),
    )
    for _ in range(MOST_TICKS):
        invoke_tick(client, rule)
        with running.engine.connect() as connection:
            status = connection.execute(
                select(Domain.sitemap_analysis_status).where(Domain.id == domain_id)
            ).scalar_one()
        if status is Status.PROCESSING:
            return
    raise AssertionError(f"after {MOST_TICKS} ticks the domain is still {status}")


def wait_until_quiet(running: Running) -> None:
    console = Console(file=io.StringIO())
    quiet, _ = drain(running.system, running.engine, Options(timeout=120), console, title="dead letters")
    assert quiet


@contextmanager
def redelivered_at_once(running: Running, service: Service) -> Iterator[None]:
    """Shorten the queue's visibility timeout: the stack's own follows the function's timeout, which is too long for a test."""
    sqs, url = running.system.aws.client("sqs"), running.system.deployed(service).queue_url
    own = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=own)


@contextmanager
def deliveries_paused(client: Any, function: str) -> Iterator[None]:
    """Keep the messages in the function's queue until the block ends."""
    live = client.get_alias(FunctionName=function, Name=LIVE)["AliasArn"]
    (mapping,) = client.list_event_source_mappings(FunctionName=live)["EventSourceMappings"]
    client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


@contextmanager
def crashing(client: Any, function: str) -> Iterator[None]:
    """Deploy a version whose process ends as soon as it starts; roll back at the end of the block."""
    module = client.get_function_configuration(FunctionName=function)["Handler"].rpartition(".")[0].replace(".", "/")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{module}.py", CRASHING)
    good = client.get_alias(FunctionName=function, Name=LIVE)["FunctionVersion"]
    bad = client.update_function_code(FunctionName=function, ZipFile=packed.getvalue(), Publish=True)["Version"]
    client.update_alias(FunctionName=function, Name=LIVE, FunctionVersion=bad)
    try:
        yield
    finally:
        client.update_alias(FunctionName=function, Name=LIVE, FunctionVersion=good)


def test_a_malformed_message_sets_error_through_the_dead_letter_queue(running: Running) -> None:
    with running.engine.begin() as connection:
        domain_id = queue_domain(connection, "malformed-message.example", status=Status.QUEUED)
        (claimed,) = claim(
            connection, METADATA, batch=1, max_in_flight=100, dispatch_lease=900, trigger="manual", ids=[domain_id]
        )
        pause(connection, METADATA, actor="test", reason="an invocation would pull the record")
    with redelivered_at_once(running, DOMAIN_SCHEDULER):
        running.system.aws.client("sqs").send_message(
            QueueUrl=running.system.deployed(DOMAIN_SCHEDULER).queue_url,
            MessageBody='{"v": 1, "workflow": "metadata", "attempt',
            MessageAttributes={"attempt_id": {"DataType": "Number", "StringValue": str(claimed.attempt_id)}},
        )
        wait_until_quiet(running)
    with running.engine.begin() as connection:
        resume(connection, METADATA, actor="test", reason="done")
        ended = connection.execute(
            select(Domain.status, Domain.error_code, Domain.error).where(Domain.id == domain_id)
        ).one()
    assert ended[:2] == (Status.ERROR, "malformed_message")
    assert "dead-letter queue" in ended.error


def test_a_function_that_crashes_at_start_sets_error_through_the_dead_letter_queue(
    running: Running,
) -> None:
    function = running.system.deployed(DOMAIN_SITEMAP_SUBMISSION).function
    client = running.system.aws.client("lambda")
    with redelivered_at_once(running, DOMAIN_SITEMAP_SUBMISSION), ExitStack() as broken:
        with deliveries_paused(client, function):
            with running.engine.begin() as connection:
                domain_id = queue_domain(connection, "crashing-function.example", sitemap_analysis_status=Status.QUEUED)
            tick_until_claimed(running, DOMAIN_SITEMAP_SUBMISSION, domain_id)
            broken.enter_context(crashing(client, function))
        wait_until_quiet(running)
    with running.engine.connect() as connection:
        ended = connection.execute(
            select(
                Domain.sitemap_analysis_status, Domain.sitemap_analysis_error_code, Domain.sitemap_analysis_error
            ).where(Domain.id == domain_id)
        ).one()
    assert ended[:2] == (Status.ERROR, "dead_letter")
    assert "could never be started" in ended.sitemap_analysis_error
