"""Queries, widgets and alarms use only names that the code emits, and every emitted name is used."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_cloudwatch as cloudwatch

from infra import ROOT
from infra.config import STAGES
from infra.dashboard import alarm_widgets
from infra.metrics import Metrics
from infra.plan import plan
from infra.saved_queries import FOLDER, PARAMETER
from scrapersky import metrics
from scrapersky.runtime.registry import SERVICES, WORKFLOWS
from scripts.commands.scrapersky.cost.model import alarm_metrics
from tests.infra.insights import keys_of
from tests.infra.template import Properties, Template, references, target

CODE = (ROOT / "functions", ROOT / "layers" / "common" / "python" / "scrapersky")
QUERIES = {file.stem: file.read_text() for file in sorted(FOLDER.glob("*.txt"))}
BY_POWERTOOLS = {"level", "message", "service", "exception", "exception_name"}
BY_OBSERVER = {"actor", "function_request_id", "function_version", "cold_start"}
BY_LAMBDA = {"type", "record.requestId", "record.status"} | {
    f"record.metrics.{name}" for name in ("initDurationMs", "durationMs", "maxMemoryUsedMB")
}
FOR_EXPLORATION = {
    "message_id",  # of a malformed message, to find it in a queue
    "error",
    "remaining_seconds",
    "messages",
    "received",  # counts of one batch
    "started",
    "stale",
    "again",
    "pulled",
    "pulled_before",
    "outcomes",
    "seconds",  # that a request of the API could take
    "revision",  # of a migration
    "dry_run",
    "rows",  # that housekeeping changed, by table
    "overdue_days",
    "labels_done",
    "part",  # of a tick, that failed
    "hash",  # of a suppression
    "kind",
    "reason",
}
"""Logged keys that no saved query names; they are shown when a line is opened."""


def test_every_metric_in_an_alarm_or_a_widget_is_emitted(deployed: Template) -> None:
    assert used_metrics(deployed) <= emitted_metrics()


def test_every_emitted_metric_is_in_an_alarm_or_a_widget(deployed: Template) -> None:
    assert emitted_metrics() == used_metrics(deployed) == (metrics.WORKFLOW_METRICS | metrics.STAGE_METRICS.keys())


def test_a_metric_that_is_not_emitted_is_rejected() -> None:
    with pytest.raises(LookupError, match="no metric 'Finish' with the dimensions service is emitted"):
        Metrics("dev").of_stage("Finish", statistic="Sum", minutes=5)


def test_metrics_of_paid_calls_are_used_only_for_workflows_that_can_make_them(
    deployed: Template, varied: Mapping[str, Template]
) -> None:
    def workflows(template: Template, name: str) -> set[str]:
        return {dimensions["workflow"] for metric, dimensions in metric_uses(template) if metric == name}

    by_google = {"deep_scan", "place_search"}
    by_proxy = {"metadata", "discovery", "import", "page_reading"}
    for name in (metrics.PAID_CALLS, metrics.BUDGET_SPENT):
        assert workflows(deployed, name) == by_google
        assert workflows(varied["network"], name) == by_google | by_proxy


def test_metrics_are_used_with_the_dimensions_they_are_emitted_with(deployed: Template) -> None:
    owners = {(service.name, workflow.name) for service in SERVICES for workflow in service.workflows}
    for name, dimensions in metric_uses(deployed):
        assert dimensions["stage"] == deployed.stack.removeprefix("scrapersky-")
        if name in metrics.WORKFLOW_METRICS:
            assert (dimensions["service"], dimensions["workflow"]) in owners
        else:
            assert dimensions.keys() == {"stage", "service"}


@pytest.mark.parametrize("query", QUERIES)
def test_every_key_in_a_query_is_logged(query: str) -> None:
    assert keys_of(QUERIES[query]) - logged_keys() - BY_POWERTOOLS - BY_OBSERVER - BY_LAMBDA == set()


def test_every_logged_key_is_in_a_query_or_listed_for_exploration() -> None:
    queried = {key for text in QUERIES.values() for key in keys_of(text)}
    assert logged_keys() - queried == FOR_EXPLORATION


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_starts_with_a_comment_and_explains_its_parameters(query: str) -> None:
    assert re.match(r"# [A-Z].+[.:!?]?\n", QUERIES[query])
    for name in PARAMETER.findall(QUERIES[query]):
        assert re.search(rf"^#.*\b{name}\b", QUERIES[query], re.MULTILINE), f"{name} is not explained"


def test_messages_in_queries_are_logged_by_the_code() -> None:
    logged = {node.value for node in nodes() if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    logged.add("transition")  # Observer.transition
    for text in QUERIES.values():
        assert set(re.findall(r'message = "(.+?)"', text)) <= logged
        for messages in re.findall(r"message in \[(.+?)\]", text):
            assert set(json.loads(f"[{messages}]")) <= logged
        assert "message like" not in text  # a pattern could not be compared with the code


def test_every_query_is_saved_for_all_log_groups_with_its_parameters(deployed: Template) -> None:
    saved = deployed.of_type("AWS::Logs::QueryDefinition").values()
    assert {one["Name"]: one["QueryString"] for one in saved} == {
        f"{deployed.stack}/{name}": text for name, text in QUERIES.items()
    }
    logged_by = {
        target(one["LoggingConfig"]["LogGroup"])
        for one in deployed.of_type("AWS::Lambda::Function").values()
        if not one["FunctionName"].endswith("-migrate")
    }
    for one in saved:
        assert set(map(target, one["LogGroupNames"])) == logged_by
        assert [parameter["Name"] for parameter in one.get("Parameters", [])] == list(
            dict.fromkeys(PARAMETER.findall(one["QueryString"]))
        )


def test_keys_that_select_one_record_or_one_tick_are_indexed(deployed: Template) -> None:
    looked_for = {key for text in QUERIES.values() for key in re.findall(r'(\w+) = "?\{\{', text)}
    assert looked_for == {"workflow", "record_id", "correlation_id"}
    for one in deployed.of_type("AWS::Lambda::Function").values():
        group = deployed.resources[target(one["LoggingConfig"]["LogGroup"])]["Properties"]
        assert set(group["FieldIndexPolicies"][0]["Fields"]) == looked_for - {"workflow"} | {"function_request_id"}


def test_missing_data_fires_the_alarm_only_for_the_heartbeats(template: Template) -> None:
    alarms = template.of_type("AWS::CloudWatch::Alarm").values()
    heartbeats = [one for one in alarms if one["TreatMissingData"] == "breaching"]
    assert {one["MetricName"] for one in heartbeats} == {
        metrics.OLDEST_QUEUED_SECONDS, metrics.HOUSEKEEPING_OVERDUE_DAYS,
    }  # fmt: skip
    dimensions = [dimensions_of(one["Dimensions"]) for one in heartbeats]
    assert {one["workflow"] for one in dimensions if "workflow" in one} == WORKFLOWS.keys()
    assert {one["TreatMissingData"] for one in alarms} == {"breaching", "notBreaching"}


def test_alarms_on_metrics_of_ticks_have_periods_of_at_least_the_interval(varied: Mapping[str, Template]) -> None:
    alarms = varied["existing"].of_type("AWS::CloudWatch::Alarm").values()
    ours = [one for one in alarms if one.get("Namespace", metrics.NAMESPACE) == metrics.NAMESPACE]
    independent_of_ticks = {"Dead-lettered", "Invariant breached"}
    for one in ours:
        kind = one["AlarmName"].removeprefix("scrapersky-existing ").partition(":")[0]
        parts = [part["MetricStat"] for part in one.get("Metrics", []) if "MetricStat" in part]
        daily = 86_400 if kind == "Storage limits not applied" else 20 * 60
        assert {part["Period"] for part in parts or [one]} == {300 if kind in independent_of_ticks else daily}, kind
    late = [one["Threshold"] for one in ours if one.get("MetricName") == metrics.OLDEST_QUEUED_SECONDS]
    assert set(late) == {2 * 20 * 60}  # a record that is due just after a tick waits for the next


def test_every_alarm_is_in_the_runbook(template: Template) -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    for alarm in [*template.of_type("AWS::CloudWatch::Alarm").values(), *composites(template).values()]:
        kind = alarm["AlarmName"].removeprefix(f"{template.stack} ").partition(":")[0]
        assert f"\n## {kind}\n" in runbook
        assert f"\u201c{kind}\u201d" in alarm["AlarmDescription"]


def test_an_alarm_notifies_at_both_ends_or_is_a_member_of_one_composite_alarm(template: Template) -> None:
    (topic,) = template.of_type("AWS::SNS::Topic")
    rules = {id: json.dumps(one["AlarmRule"]) for id, one in composites(template).items()}
    services = {id for id in rules if "ActionsSuppressor" in composites(template)[id]}
    for id, alarm in template.of_type("AWS::CloudWatch::Alarm").items():
        members = [one for one in services if f'"{id}"' in rules[one]]
        if members:
            assert len(members) == 1
            assert not {"AlarmActions", "OKActions"} & alarm.keys()
        else:
            assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]
    for alarm in composites(template).values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]


def test_each_service_notifies_once_and_not_while_the_database_is_unreachable(deployed: Template) -> None:
    by_name = {one["AlarmName"].removeprefix(f"{deployed.stack} "): one for one in composites(deployed).values()}
    assert by_name.keys() == {"Database unreachable: all services", *(f"Service: {one.name}" for one in SERVICES)}
    unreachable = by_name["Database unreachable: all services"]
    (cause,) = (id for id, one in composites(deployed).items() if one is unreachable)
    errors = {
        id
        for id, one in deployed.of_type("AWS::CloudWatch::Alarm").items()
        if one["AlarmName"].endswith(tuple(f"Function errors: {service.name}" for service in SERVICES))
    }
    assert set(references(unreachable["AlarmRule"])) == errors
    assert len(errors) == len(SERVICES)
    assert " AND " in json.dumps(unreachable["AlarmRule"])
    for name, one in by_name.items():
        if one is not unreachable:
            assert target(one["ActionsSuppressor"]) == cause, name
            assert one["ActionsSuppressorWaitPeriod"] == one["ActionsSuppressorExtensionPeriod"] == 300


def test_a_database_that_the_stack_made_has_alarms_and_widgets_of_its_own(
    deployed: Template, varied: Mapping[str, Template]
) -> None:
    def watched(template: Template) -> set[str]:
        alarms = template.of_type("AWS::CloudWatch::Alarm").values()
        return {one["AlarmName"].partition("Database: ")[2] for one in alarms if "Database: " in one["AlarmName"]}

    assert watched(deployed) == {"Connections"}
    assert watched(varied["aurora"]) == {"Connections", "Capacity", "Deadlocks", "FreeLocalStorage", "TransactionIds"}
    assert "AWS/RDS" in json.dumps(dashboard(varied["aurora"]))


def test_an_address_of_the_stage_is_subscribed_to_the_alarms(varied: Mapping[str, Template]) -> None:
    (subscription,) = varied["protected"].of_type("AWS::SNS::Subscription").values()
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@scrapersky.example")


def test_the_cost_model_counts_every_metric_of_every_alarm(deployed: Template) -> None:
    alarms = deployed.of_type("AWS::CloudWatch::Alarm").values()
    billed = [one["Metrics"] if "Metrics" in one else [{"MetricStat": one["MetricName"]}] for one in alarms]
    stage = STAGES[deployed.stack.removeprefix("scrapersky-")]
    assert sum("MetricStat" in part for parts in billed for part in parts) == alarm_metrics(plan(stage, {}))


def test_only_cloudwatch_of_this_account_may_publish_alarms_and_only_over_tls(template: Template) -> None:
    (policy,) = template.of_type("AWS::SNS::TopicPolicy").values()
    allowed = [one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]
    (allow,) = allowed
    assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    denied = [one["Condition"] for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Deny"]
    assert denied == [{"Bool": {"aws:SecureTransport": "false"}}]


def test_the_dashboards_first_widget_shows_all_alarms(deployed: Template) -> None:
    first = dashboard(deployed)["widgets"][0]
    assert first["type"] == "alarm"
    assert len(first["properties"]["alarms"]) == len(deployed.of_type("AWS::CloudWatch::Alarm")) + len(
        composites(deployed)
    )


def test_no_widget_has_more_alarms_than_cloudwatchs_limit() -> None:
    stack = Stack(App(), "crowded")
    arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"
    many = [cloudwatch.Alarm.from_alarm_arn(stack, str(number), f"{arn}{number}") for number in range(101)]
    (first,), (second,) = (widget.to_json() for widget in alarm_widgets(many))
    assert [len(one["properties"]["alarms"]) for one in (first, second)] == [100, 1]


def test_a_query_on_the_dashboard_has_no_comment_because_it_follows_a_pipe(deployed: Template) -> None:
    queries = [one["properties"]["query"] for one in dashboard(deployed)["widgets"] if one["type"] == "log"]
    assert queries
    for query in queries:
        assert query.rpartition("SOURCE")[2].partition(" | ")[2].startswith("filter ")
        assert "#" not in query


def test_a_workflows_graph_has_both_results_on_one_scale(deployed: Template) -> None:
    for name in WORKFLOWS:
        (funnel,) = (one for one in dashboard(deployed)["widgets"] if one["properties"].get("title") == name)
        assert {metric[1] for metric in funnel["properties"]["metrics"]} >= {
            metrics.FINISHED,
            metrics.ERRORED,
        }
        assert not [metric for metric in funnel["properties"]["metrics"] if "yAxis" in metric[-1]]


def composites(template: Template) -> dict[str, Properties]:
    """Return the composite alarms by logical id; the emulated AWS has none."""
    kind = "AWS::CloudWatch::CompositeAlarm"
    return {id: one["Properties"] for id, one in template.resources.items() if one["Type"] == kind}


def emitted_metrics() -> set[str]:
    """Return the metrics that code outside ``metrics.py`` names."""
    named = {node.attr for node in nodes() if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "metrics"}
    by_finished = {metrics.FINISHED, metrics.ERRORED}  # Observer.finished
    return {getattr(metrics, name) for name in named if name.isupper()} | by_finished


def used_metrics(template: Template) -> set[str]:
    """Return the metrics that an alarm or a widget names."""
    return {name for name, _ in metric_uses(template)}


def metric_uses(template: Template) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield each metric of the namespace in alarms and widgets, with its dimensions."""
    for alarm in template.of_type("AWS::CloudWatch::Alarm").values():
        for one in [
            alarm,
            *(part["MetricStat"]["Metric"] for part in alarm.get("Metrics", []) if "MetricStat" in part),
        ]:
            if one.get("Namespace") == metrics.NAMESPACE:
                yield one["MetricName"], dimensions_of(one["Dimensions"])
    for widget in dashboard(template)["widgets"]:
        for namespace, name, *dimensions in widget["properties"].get("metrics", []):
            if namespace == metrics.NAMESPACE:
                plain = [part for part in dimensions if isinstance(part, str)]
                yield name, dict(zip(plain[::2], plain[1::2], strict=True))


def dimensions_of(listed: list[dict[str, str]]) -> dict[str, str]:
    """Return CloudFormation's list of dimensions as a mapping."""
    return {one["Name"]: one["Value"] for one in listed}


def dashboard(template: Template) -> dict[str, Any]:
    """Return the dashboard's body, with "…" for the values that CloudFormation inserts."""
    (one,) = template.of_type("AWS::CloudWatch::Dashboard").values()
    parts = one["DashboardBody"]["Fn::Join"][1]
    return dict(json.loads("".join(part if isinstance(part, str) else "…" for part in parts)))


def nodes() -> Iterator[ast.AST]:
    """Yield every syntax node of the functions and the common layer, except of ``metrics.py``."""
    for folder in CODE:
        for file in folder.rglob("*.py"):
            if file.name != "metrics.py":
                yield from ast.walk(ast.parse(file.read_text()))


def logged_keys() -> set[str]:
    """Return the keys of ``transition(…)``, ``line(…, {…})`` and ``extra={…}``."""
    keys: set[str] = set()
    for node in nodes():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            keywords = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
            if node.func.attr == "transition":
                keys |= keywords.keys()
            dictionaries = [keywords["extra"]] if "extra" in keywords else node.args if node.func.attr == "line" else []
            for one in dictionaries:
                if isinstance(one, ast.Dict):
                    keys |= literals(one)
        if isinstance(node, ast.AnnAssign | ast.Assign) and isinstance(node.value, ast.Dict):
            (name, *_) = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
            if isinstance(name, ast.Name) and name.id == "keys":  # passed as extra=keys
                keys |= literals(node.value)
    return keys


def literals(dictionary: ast.Dict) -> set[str]:
    """Return the literal keys."""
    return {str(key.value) for key in dictionary.keys if isinstance(key, ast.Constant)}
