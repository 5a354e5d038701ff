"""Rules for all queues and event source mappings."""

from collections.abc import Mapping

from infra.config import STAGES
from infra.plan import plan
from scrapersky.runtime.messages import MESSAGES_PER_INVOCATION
from scrapersky.runtime.registry import SERVICES
from scrapersky.settings import API_CONCURRENCY, DEAD_LETTER_CONCURRENCY
from tests.infra.template import Template, listed, target


def test_every_work_queue_has_its_own_dead_letter_queue_with_a_longer_retention(template: Template) -> None:
    queues = template.of_type("AWS::SQS::Queue")
    dead = [target(one["RedrivePolicy"]["deadLetterTargetArn"]) for one in queues.values() if "RedrivePolicy" in one]
    assert len(set(dead)) == len(dead) == len(SERVICES)
    assert len(queues) == 2 * len(SERVICES)
    for queue in queues.values():
        if "RedrivePolicy" in queue:
            dead_letters = queues[target(queue["RedrivePolicy"]["deadLetterTargetArn"])]
            assert "RedrivePolicy" not in dead_letters
            assert dead_letters["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"]


def test_a_message_is_received_as_often_as_the_stage_configures_before_it_is_dead(template: Template) -> None:
    counts = {
        one["RedrivePolicy"]["maxReceiveCount"]
        for one in template.of_type("AWS::SQS::Queue").values()
        if "RedrivePolicy" in one
    }
    assert counts == {2 if template.stack == "scrapersky-local" else 5}


def test_every_queue_is_encrypted_and_denies_plain_http(template: Template) -> None:
    denying = set()
    for policy in template.of_type("AWS::SQS::QueuePolicy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}:
                assert statement["Action"] == "sqs:*"
                denying |= {target(queue) for queue in policy["Queues"]}
    queues = template.of_type("AWS::SQS::Queue")
    assert denying == set(queues)
    assert all(queue["SqsManagedSseEnabled"] is True for queue in queues.values())


def test_the_visibility_timeout_is_at_least_six_function_timeouts(deployed: Template) -> None:
    queues = deployed.of_type("AWS::SQS::Queue")
    for mapping in deployed.of_type("AWS::Lambda::EventSourceMapping").values():
        timeout = deployed.resources[deployed.live(mapping["FunctionName"])]["Properties"]["Timeout"]
        assert queues[target(mapping["EventSourceArn"])]["VisibilityTimeout"] >= 6 * timeout


def test_every_mapping_reports_failed_messages(template: Template) -> None:
    for mapping in template.of_type("AWS::Lambda::EventSourceMapping").values():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_no_mapping_filters_messages_because_lambda_deletes_filtered_ones(template: Template) -> None:
    for mapping in template.of_type("AWS::Lambda::EventSourceMapping").values():
        assert "FilterCriteria" not in mapping


def test_every_queue_has_exactly_one_consumer_and_dead_letter_queues_have_dead_letter(template: Template) -> None:
    queues = template.of_type("AWS::SQS::Queue")
    fed = {}
    for mapping in template.of_type("AWS::Lambda::EventSourceMapping").values():
        queue = target(mapping["EventSourceArn"])
        assert queue not in fed
        fed[queue] = template.resources[template.live(mapping["FunctionName"])]["Properties"]["FunctionName"]
    assert set(fed) == set(queues)
    for queue, function in fed.items():
        assert (function == f"{template.stack}-dead-letter") == ("RedrivePolicy" not in queues[queue])


def test_a_mapping_invokes_with_ten_messages_and_the_concurrency_of_the_services_settings(template: Template) -> None:
    stage = STAGES[template.stack.removeprefix("scrapersky-")]
    mappings = template.of_type("AWS::Lambda::EventSourceMapping").values()
    for name, settings in plan(stage, {}).services.items():
        (mapping,) = (
            one for one in mappings if one["EventSourceArn"] == _queue_arn(template.environment(name)["QUEUE_URL"])
        )
        assert mapping["BatchSize"] == MESSAGES_PER_INVOCATION
        assert mapping["ScalingConfig"] == {"MaximumConcurrency": settings.max_instances}
    assert all(one["ScalingConfig"]["MaximumConcurrency"] >= 2 for one in mappings)


def test_the_queue_url_of_a_function_is_the_queue_it_consumes(template: Template) -> None:
    for service in SERVICES:
        queue = target(template.environment(service.name)["QUEUE_URL"])
        (mapping,) = (
            one
            for one in template.of_type("AWS::Lambda::EventSourceMapping").values()
            if target(one["EventSourceArn"]) == queue
        )
        fed = template.resources[template.live(mapping["FunctionName"])]["Properties"]
        assert fed["FunctionName"] == f"{template.stack}-{service.name}"


def test_no_consumer_of_work_has_reserved_concurrency_and_the_others_have_what_the_plan_counts(
    template: Template,
) -> None:
    consumers = template.of_type("AWS::Lambda::EventSourceMapping").values()
    functions = {template.live(mapping["FunctionName"]) for mapping in consumers}
    reserved = {template.resources[one]["Properties"].get("ReservedConcurrentExecutions") for one in functions}
    assert reserved == {None, DEAD_LETTER_CONCURRENCY}
    assert template.function("dead-letter")["ReservedConcurrentExecutions"] == DEAD_LETTER_CONCURRENCY
    assert template.function("api")["ReservedConcurrentExecutions"] == API_CONCURRENCY


def test_a_stage_in_a_small_account_reserves_no_concurrency(varied: Mapping[str, Template]) -> None:
    for name in ("api", "dead-letter"):
        assert "ReservedConcurrentExecutions" not in varied["protected"].function(name)


def test_queue_policies_grant_no_access(template: Template) -> None:
    for policy in template.of_type("AWS::SQS::QueuePolicy").values():
        assert {one["Effect"] for one in listed(policy["PolicyDocument"]["Statement"])} == {"Deny"}


def _queue_arn(reference: dict[str, str]) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [reference["Ref"], "Arn"]}
