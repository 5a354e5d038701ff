"""Rules over all queues and all mappings."""

from infra.config import STAGES
from infra.plan import plan
from scrapersky.runtime.registry import SERVICES
from tests.infra.template import Template, listed, target


def test_every_queue_but_a_dead_letter_queue_has_one_of_its_own_that_keeps_longer(template: Template) -> None:
    queues = template.of_type("AWS::SQS::Queue")
    dead = [target(one["RedrivePolicy"]["deadLetterTargetArn"]) for one in queues.values() if "RedrivePolicy" in one]
    assert len(set(dead)) == len(dead) == len(SERVICES)
    assert len(queues) == 2 * len(SERVICES)
    for queue in queues.values():
        if "RedrivePolicy" in queue:
            letters = queues[target(queue["RedrivePolicy"]["deadLetterTargetArn"])]
            assert "RedrivePolicy" not in letters
            assert letters["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"]


def test_a_message_is_tried_as_often_as_the_stage_says_before_it_is_dead(template: Template) -> None:
    counts = {
        one["RedrivePolicy"]["maxReceiveCount"]
        for one in template.of_type("AWS::SQS::Queue").values()
        if "RedrivePolicy" in one
    }
    assert counts == {2 if template.stack == "scrapersky-local" else 5}


def test_every_queue_is_encrypted_and_refuses_plain_http(template: Template) -> None:
    refusing = set()
    for policy in template.of_type("AWS::SQS::QueuePolicy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}:
                assert statement["Action"] == "sqs:*"
                refusing |= {target(queue) for queue in policy["Queues"]}
    queues = template.of_type("AWS::SQS::Queue")
    assert refusing == set(queues)
    assert all(queue["SqsManagedSseEnabled"] is True for queue in queues.values())


def test_a_message_stays_hidden_six_times_as_long_as_its_function_may_run(deployed: Template) -> None:
    queues = deployed.of_type("AWS::SQS::Queue")
    for mapping in deployed.of_type("AWS::Lambda::EventSourceMapping").values():
        timeout = deployed.resources[target(mapping["FunctionName"])]["Properties"]["Timeout"]
        assert queues[target(mapping["EventSourceArn"])]["VisibilityTimeout"] >= 6 * timeout


def test_every_mapping_reports_the_messages_that_failed(template: Template) -> None:
    for mapping in template.of_type("AWS::Lambda::EventSourceMapping").values():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_no_mapping_filters_messages_for_what_it_filters_it_deletes(template: Template) -> None:
    for mapping in template.of_type("AWS::Lambda::EventSourceMapping").values():
        assert "FilterCriteria" not in mapping


def test_every_queue_feeds_exactly_one_function_and_dead_letters_all_feed_dead_letter(template: Template) -> None:
    queues = template.of_type("AWS::SQS::Queue")
    fed = {}
    for mapping in template.of_type("AWS::Lambda::EventSourceMapping").values():
        queue = target(mapping["EventSourceArn"])
        assert queue not in fed
        fed[queue] = template.resources[target(mapping["FunctionName"])]["Properties"]["FunctionName"]
    assert set(fed) == set(queues)
    for queue, function in fed.items():
        assert (function == f"{template.stack}-dead-letter") == ("RedrivePolicy" not in queues[queue])


def test_a_mapping_takes_as_many_messages_and_instances_as_the_service_is_set_to(template: Template) -> None:
    stage = STAGES[template.stack.removeprefix("scrapersky-")]
    mappings = template.of_type("AWS::Lambda::EventSourceMapping").values()
    for name, settings in plan(stage, {}).services.items():
        (mapping,) = (
            one for one in mappings if one["EventSourceArn"] == _queue_arn(template.environment(name)["QUEUE_URL"])
        )
        assert mapping["BatchSize"] == settings.messages_per_invocation
        assert mapping["ScalingConfig"] == {"MaximumConcurrency": settings.max_instances}
    assert all(one["ScalingConfig"]["MaximumConcurrency"] >= 2 for one in mappings)


def test_only_a_mapping_that_takes_more_than_ten_messages_waits_for_them(overridden: Template) -> None:
    """AWS refuses a batch of more than ten without a window of a second."""
    windows = {
        mapping["BatchSize"]: mapping.get("MaximumBatchingWindowInSeconds")
        for mapping in overridden.of_type("AWS::Lambda::EventSourceMapping").values()
    }
    assert windows == {3: None, 10: None, 50: 1}


def test_a_function_is_told_the_queue_that_feeds_it(template: Template) -> None:
    for service in SERVICES:
        queue = target(template.environment(service.name)["QUEUE_URL"])
        (mapping,) = (
            one
            for one in template.of_type("AWS::Lambda::EventSourceMapping").values()
            if target(one["EventSourceArn"]) == queue
        )
        fed = template.resources[target(mapping["FunctionName"])]["Properties"]
        assert fed["FunctionName"] == f"{template.stack}-{service.name}"


def test_no_function_has_reserved_concurrency(template: Template) -> None:
    for function in template.of_type("AWS::Lambda::Function").values():
        assert "ReservedConcurrentExecutions" not in function


def test_nobody_but_an_owner_of_a_role_may_use_a_queue(template: Template) -> None:
    for policy in template.of_type("AWS::SQS::QueuePolicy").values():
        assert {one["Effect"] for one in listed(policy["PolicyDocument"]["Statement"])} == {"Deny"}


def _queue_arn(reference: dict[str, str]) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [reference["Ref"], "Arn"]}
