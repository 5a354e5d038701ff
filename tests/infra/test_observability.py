"""Every name that a query, a widget or an alarm uses is emitted by the code, and every emitted name is used."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.config import STAGES
from infra.dependencies import ROOT
from infra.observability import widgets
from infra.observability.metrics import Metrics
from infra.observability.queries import FOLDER, PARAMETER
from infra.plan import plan
from scrapersky import metrics
from scrapersky.runtime.registry import SERVICES, WORKFLOWS
from scripts.commands.scrapersky.cost.model import alarm_metrics
from tests.infra.insights import keys_of
from tests.infra.template import Template, target

CODE = (ROOT / "functions", ROOT / "layers" / "common" / "python" / "scrapersky")
QUERIES = {file.stem: file.read_text() for file in sorted(FOLDER.glob("*.txt"))}
BY_POWERTOOLS = {"level", "message", "service", "exception", "exception_name"}
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
    "outcomes",
    "revision",  # of a migration
}
"""Keys of log lines that no saved query names: the line itself, found by its message, shows them."""


def test_every_metric_that_an_alarm_or_a_widget_names_is_emitted_by_the_code(deployed: Template) -> None:
    assert used_metrics(deployed) <= emitted_metrics()


def test_every_metric_that_the_code_emits_is_watched(deployed: Template) -> None:
    assert emitted_metrics() == used_metrics(deployed) == metrics.OF_A_WORKFLOW | metrics.OF_A_SERVICE


def test_a_metric_that_is_not_emitted_cannot_be_watched() -> None:
    with pytest.raises(LookupError, match="'Complete' with the dimensions service"):
        Metrics("dev").of_service("Complete", "domain-scheduler", statistic="Sum", minutes=5)


def test_a_metric_of_paid_calls_is_watched_where_there_can_be_some_and_nowhere_else(
    deployed: Template, varied: Mapping[str, Template]
) -> None:
    def watching(template: Template, name: str) -> set[str]:
        return {dimensions["workflow"] for metric, dimensions in watched(template) if metric == name}

    for name in (metrics.PAID_CALLS, metrics.BUDGET_SPENT):
        assert watching(deployed, name) == {"deep_scan"}
        assert watching(varied["network"], name) == {"deep_scan", "metadata", "discovery", "import"}  # by the proxy


def test_metrics_are_watched_under_the_very_dimensions_they_are_emitted_with(deployed: Template) -> None:
    owners = {(service.name, workflow.name) for service in SERVICES for workflow in service.workflows}
    for name, dimensions in watched(deployed):
        assert dimensions["stage"] == deployed.stack.removeprefix("scrapersky-")
        if name in metrics.OF_A_WORKFLOW:
            assert (dimensions["service"], dimensions["workflow"]) in owners
        else:
            assert dimensions.keys() == {"stage", "service"}


@pytest.mark.parametrize("query", QUERIES)
def test_every_key_that_a_query_names_is_logged(query: str) -> None:
    assert keys_of(QUERIES[query]) - logged_keys() - BY_POWERTOOLS - BY_LAMBDA == set()


def test_every_key_that_is_logged_is_in_a_query_or_said_to_be_for_exploration() -> None:
    asked = {key for text in QUERIES.values() for key in keys_of(text)}
    assert logged_keys() - asked == FOR_EXPLORATION


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_starts_with_words_for_the_operator(query: str) -> None:
    assert re.match(r"# [A-Z].+[.:!?]?\n", QUERIES[query])
    for name in PARAMETER.findall(QUERIES[query]):
        assert re.search(rf"^#.*\b{name}\b", QUERIES[query], re.MULTILINE), f"{name} is not explained"


def test_messages_that_queries_look_for_are_said_by_the_code() -> None:
    said = {node.value for node in nodes() if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    said.add("transition")  # Observer.transition
    for text in QUERIES.values():
        assert set(re.findall(r'message = "(.+?)"', text)) <= said
        for messages in re.findall(r"message in \[(.+?)\]", text):
            assert set(json.loads(f"[{messages}]")) <= said
        assert "message like" not in text  # what only looks like a message proves nothing


def test_every_query_is_saved_over_every_log_group_with_its_parameters(deployed: Template) -> None:
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


def test_the_keys_that_a_query_finds_one_record_or_one_tick_by_are_indexed(deployed: Template) -> None:
    looked_for = {key for text in QUERIES.values() for key in re.findall(r'(\w+) = "?\{\{', text)}
    assert looked_for == {"workflow", "record_id", "correlation_id"}
    for one in deployed.of_type("AWS::Lambda::Function").values():
        group = deployed.resources[target(one["LoggingConfig"]["LogGroup"])]["Properties"]
        assert set(group["FieldIndexPolicies"][0]["Fields"]) == looked_for - {"workflow"}  # of which there are six


def test_silence_of_a_workflows_tick_is_an_alarm_and_other_silence_is_none(template: Template) -> None:
    alarms = template.of_type("AWS::CloudWatch::Alarm").values()
    heartbeats = [one for one in alarms if one["TreatMissingData"] == "breaching"]
    assert {one["MetricName"] for one in heartbeats} == {metrics.OLDEST_QUEUED_SECONDS}
    assert {dimensions_of(one["Dimensions"])["workflow"] for one in heartbeats} == WORKFLOWS.keys()
    assert {one["TreatMissingData"] for one in alarms} == {"breaching", "notBreaching"}


def test_no_alarm_about_what_ticks_bring_looks_more_often_than_they_come(varied: Mapping[str, Template]) -> None:
    alarms = varied["existing"].of_type("AWS::CloudWatch::Alarm").values()
    ours = [one for one in alarms if one.get("Namespace", metrics.NAMESPACE) == metrics.NAMESPACE]
    whenever_it_happens = {"Dead-lettered", "Dead letter of nobody"}
    for one in ours:
        kind = one["AlarmName"].removeprefix("scrapersky-existing ").partition(":")[0]
        parts = [part["MetricStat"] for part in one.get("Metrics", []) if "MetricStat" in part]
        assert {part["Period"] for part in parts or [one]} == {300 if kind in whenever_it_happens else 20 * 60}, kind
    late = [one["Threshold"] for one in ours if one["TreatMissingData"] == "breaching"]
    assert set(late) == {2 * 20 * 60}  # what came just after a tick waits for the next


def test_every_alarm_and_its_end_are_told_to_the_topic_and_stand_in_the_runbook(template: Template) -> None:
    (topic,) = template.of_type("AWS::SNS::Topic")
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    for alarm in template.of_type("AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]
        kind = alarm["AlarmName"].removeprefix(f"{template.stack} ").partition(":")[0]
        assert f"\n## {kind}\n" in runbook
        assert f"\u201c{kind}\u201d" in alarm["AlarmDescription"]


def test_the_bill_counts_every_metric_that_an_alarm_looks_at(deployed: Template) -> None:
    alarms = deployed.of_type("AWS::CloudWatch::Alarm").values()
    looked_at = [one["Metrics"] if "Metrics" in one else [{"MetricStat": one["MetricName"]}] for one in alarms]
    stage = STAGES[deployed.stack.removeprefix("scrapersky-")]
    assert sum("MetricStat" in part for parts in looked_at for part in parts) == alarm_metrics(plan(stage, {}))


def test_cloudwatch_of_this_account_may_publish_alarms_and_nobody_without_tls(template: Template) -> None:
    (policy,) = template.of_type("AWS::SNS::TopicPolicy").values()
    allowed = [one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]
    (allow,) = allowed
    assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    denied = [one["Condition"] for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Deny"]
    assert denied == [{"Bool": {"aws:SecureTransport": "false"}}]


def test_the_dashboard_shows_alarms_first(deployed: Template) -> None:
    first = dashboard(deployed)["widgets"][0]
    assert first["type"] == "alarm"
    assert len(first["properties"]["alarms"]) == len(deployed.of_type("AWS::CloudWatch::Alarm"))


def test_no_widget_holds_more_alarms_than_cloudwatch_admits() -> None:
    stack = Stack(App(), "crowded")
    arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"
    many = [cloudwatch.Alarm.from_alarm_arn(stack, str(number), f"{arn}{number}") for number in range(101)]
    (first,), (second,) = (widget.to_json() for widget in widgets.alarms(many))
    assert [len(one["properties"]["alarms"]) for one in (first, second)] == [100, 1]


def test_a_query_on_the_dashboard_has_no_comment_which_there_would_stand_behind_a_pipe(deployed: Template) -> None:
    queries = [one["properties"]["query"] for one in dashboard(deployed)["widgets"] if one["type"] == "log"]
    assert queries
    for query in queries:
        assert query.rpartition("SOURCE")[2].partition(" | ")[2].startswith("filter ")
        assert "#" not in query


def test_the_funnel_draws_what_goes_in_and_what_comes_out_to_one_scale(deployed: Template) -> None:
    for name in WORKFLOWS:
        (funnel,) = (one for one in dashboard(deployed)["widgets"] if one["properties"].get("title") == name)
        assert {metric[1] for metric in funnel["properties"]["metrics"]} >= {
            metrics.CLAIMED,
            metrics.COMPLETED,
            metrics.ERRORED,
        }
        assert not [metric for metric in funnel["properties"]["metrics"] if "yAxis" in metric[-1]]


def emitted_metrics() -> set[str]:
    """Metrics that code outside ``metrics.py`` names."""
    named = {node.attr for node in nodes() if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "metrics"}
    return {getattr(metrics, name) for name in named if name.isupper()}


def used_metrics(template: Template) -> set[str]:
    """Metrics that an alarm or a widget names."""
    return {name for name, _ in watched(template)}


def watched(template: Template) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Each of our metrics in alarms and widgets, with its dimensions."""
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
    """CloudFormation's list of dimensions as a mapping."""
    return {one["Name"]: one["Value"] for one in listed}


def dashboard(template: Template) -> dict[str, Any]:
    """The dashboard's body; whatever CloudFormation fills in reads "…"."""
    (one,) = template.of_type("AWS::CloudWatch::Dashboard").values()
    parts = one["DashboardBody"]["Fn::Join"][1]
    return dict(json.loads("".join(part if isinstance(part, str) else "…" for part in parts)))


def nodes() -> Iterator[ast.AST]:
    """Every node of the functions' and our layer's code, but what defines the names."""
    for folder in CODE:
        for file in folder.rglob("*.py"):
            if file.name != "metrics.py":
                yield from ast.walk(ast.parse(file.read_text()))


def logged_keys() -> set[str]:
    """Keys of ``transition(…)``, ``line(…, {…})`` and ``extra={…}``."""
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
            if isinstance(name, ast.Name) and name.id == "keys":  # what is given as extra=keys
                keys |= literals(node.value)
    return keys


def literals(dictionary: ast.Dict) -> set[str]:
    """The keys that are written out."""
    return {str(key.value) for key in dictionary.keys if isinstance(key, ast.Constant)}
