"""The arithmetic of the cost. Amounts are US dollars, by item."""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.plan import Plan
from infra.stage import Aurora, ExistingNetwork, Network
from scrapersky.metrics import BUDGET_SPENT, PAID_CALLS, STAGE_METRICS, WORKFLOW_METRICS
from scrapersky.runtime.registry import SERVICES
from scrapersky.settings import ServiceSettings

MILLION = 1_000_000
MONTH_SECONDS = 30.4 * 86_400
IDLE_POLLS_PER_SECOND = 5 / 20
"""Lambda keeps five pollers on a queue, each with long polls of 20 s (AWS Lambda Developer Guide, "SQS scaling")."""
CORE_MB = 1_769
"""The memory with which a function has one whole core (AWS Lambda Developer Guide)."""
SLOWEST = 1.5
"""How much longer than the mean the slowest record of an invocation takes."""
TICK_SECONDS = 0.5
TICK_LOG_BYTES, WORKFLOW_LOG_BYTES = 1_250, 670
"""A tick's own line with Lambda's three; a workflow's part of that line and its gauges, when nothing is queued."""
OF_PAID_CALLS = {PAID_CALLS, BUDGET_SPENT}


@dataclass(frozen=True)
class Work:
    """One workflow's work on a record: the seconds that others take, seconds of a whole core, and bytes of log."""

    seconds: float
    processor_seconds: float
    log_bytes: float


def billed_seconds(work: Work, own: ServiceSettings, plan: Plan) -> float:
    """Return the seconds of an environment that are billed for one record: a slot's, or those of the processor.

    A working invocation fills each free slot again. At its end it waits for its slowest record, with slots that are partly
    empty. The symbols and their values are in ``docs/benchmarks/capacity.md``.
    """
    processor = work.processor_seconds * CORE_MB / plan.stage.memory_mb
    slowest = SLOWEST * work.seconds
    end = (slowest - work.seconds) / (plan.settings.function_timeout_seconds - own.pull_minimum_seconds + slowest)
    return max(work.seconds / own.records_at_once, processor) * (1 + end)


def per_million(work: Work, own: ServiceSettings, plan: Plan, price: Mapping[str, float]) -> dict[str, float]:
    """Return the cost of a million records of one workflow, each attempted once, as fast as the defaults drain them.

    An invocation lasts until its timeout. Ticks go on sending messages, each with one send, one receive and one delete.
    """
    billed = MILLION * billed_seconds(work, own, plan)
    messages = own.batch_size * billed / own.max_instances / (60 * own.interval_minutes)
    gigabytes = plan.stage.memory_mb / 1024
    return {
        "lambda time": billed * gigabytes * price["lambda_gb_second_arm64"],
        "lambda requests": billed / plan.settings.function_timeout_seconds * price["lambda_request"],
        "sqs": 3 * messages * price["sqs_request"],
        "logs": MILLION * work.log_bytes / 1e9 * price["logs_gb"],
    }


def per_month(plan: Plan, price: Mapping[str, float]) -> dict[str, float]:
    """Return the cost of a stage in which nothing is queued."""
    of_services = {service: MONTH_SECONDS / (60 * plan.services[service.name].interval_minutes) for service in SERVICES}
    ticks = sum(of_services.values())
    logged = sum(
        number * (TICK_LOG_BYTES + WORKFLOW_LOG_BYTES * len(service.workflows))
        for service, number in of_services.items()
    )
    gigabytes = plan.stage.memory_mb / 1024
    queues = 2 * len(SERVICES)
    return {
        "ticks": ticks * (TICK_SECONDS * gigabytes * price["lambda_gb_second_arm64"] + price["lambda_request"]),
        "logs of ticks": logged / 1e9 * price["logs_gb"],
        "polling of queues": queues * IDLE_POLLS_PER_SECOND * MONTH_SECONDS * price["sqs_request"],
        "metrics, if all are emitted": series(plan) * price["metric_month"],
        "alarms": alarm_metrics(plan) * price["alarm_month"] + composite_alarms() * price["composite_alarm_month"],
        "secrets": 3 * price["secret_month"],
        "NAT, endpoints": network(plan.stage.network, price),
        "Aurora at its smallest": database(plan.stage.database, price),
    }


def network(chosen: Network | ExistingNetwork | None, price: Mapping[str, float]) -> float:
    """Return the cost of a network's gateways and endpoints, without traffic; 0 for a network that the stack does not own."""
    if not isinstance(chosen, Network):
        return 0
    endpoints = len(chosen.endpoints) * chosen.zones
    return chosen.nat_gateways * price["nat_month"] + endpoints * price["endpoint_zone_month"]


def database(chosen: Aurora | None, price: Mapping[str, float]) -> float:
    """Return the cost of a database and its readers at their least capacity; one that may pause costs 0 when idle."""
    return (1 + chosen.readers) * 2 * chosen.min_acu * price["aurora_half_acu_month"] if chosen else 0


def alarm_metrics(plan: Plan) -> int:
    """Return the number of metrics that alarms watch: each is billed. A test counts them in the template."""
    of_workflows = sum(6 + plan.pays(workflow) for service in SERVICES for workflow in service.workflows)
    of_queues = len(SERVICES)
    of_functions = len(SERVICES) + len(("dead-letter", "housekeeping", "api"))
    of_database = len(
        ("connections", "capacity", "deadlocks", "storage", "transaction ids")
        if plan.stage.database
        else ("connections",)
    )
    others = (
        "throttles",
        "invariants",
        "dead letters",
        "curation API",
        "housekeeping",
        *(["old history"] if plan.settings.history_days else []),
    )
    return of_workflows + of_queues + of_functions + of_database + len(others)


def composite_alarms() -> int:
    """Return the number of composite alarms: one per service, and one on the database."""
    return len(SERVICES) + 1


def series(plan: Plan) -> int:
    """Return the largest number of metric series: some exist only for workflows whose records may make paid calls."""
    free = len(WORKFLOW_METRICS - OF_PAID_CALLS)
    of_workflows = sum(
        free + plan.pays(workflow) * len(OF_PAID_CALLS) for service in SERVICES for workflow in service.workflows
    )
    return of_workflows + len(STAGE_METRICS)
