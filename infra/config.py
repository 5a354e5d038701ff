"""The stages. This is the only file in which they differ; no construct checks which stage it builds.

Whatever the functions read is a setting, so an operator can override it with an environment variable when deploying
(``DOMAIN_SCHEDULER_INTERVAL_MINUTES=5 scripts/cdk deploy scrapersky-dev``); see ``infra/plan.py``.
"""

import platform
from collections.abc import Mapping

from aws_cdk import RemovalPolicy
from aws_cdk.aws_logs import RetentionDays

from infra.stage import Stage
from scrapersky.settings import Settings

DEV = Stage(name="dev")

PROD = Stage(
    name="prod",
    log_retention=RetentionDays.SIX_MONTHS,
    log_removal=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    termination_protection=True,
)

# The same stack on an emulated AWS on this machine. The emulator runs each function as a process in the environment that
# started it, which has the dependencies installed for this machine, so there is no dependency layer. Times are seconds
# instead of minutes, so that one run shows failure and recovery.
LOCAL = Stage(
    name="local",
    settings=Settings(
        function_timeout_seconds=60,
        record_deadline_seconds=45,
        start_minimum_seconds=5,
        start_lease_margin_seconds=5,
        dispatch_lease_seconds=240,
        redelivery_min_seconds=1,
        redelivery_max_seconds=2,
        retry_base_seconds=1,
        retry_cap_seconds=3,
        retry_max_failures=3,
        configuration_pause_seconds=20,
        web_host_interval_seconds=0,
        web_host_keep_alive_seconds=0.2,
        handoff_place_search_to_deep_scan="auto",
        handoff_deep_scan_to_domain_extraction="auto",
        handoff_domain_extraction_to_metadata="auto",
        handoff_metadata_to_submission="auto",
        handoff_discovery_to_import="auto",
        handoff_metadata_to_email_check="auto",
        email_check_dns_seconds=1,
        handoff_metadata_to_page_reading="auto",
        handoff_page_reading_to_email_check="auto",
        handoff_import_to_page_reading="auto",
    ),
    service_settings={"max_instances": 3, "pull_minimum_seconds": 20},
    architecture="arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64",
    dependency_layer=False,
    migration_timeout_minutes=2,
    visibility_factor=1,
    max_receive_count=2,
    log_retention=RetentionDays.ONE_DAY,
    composite_alarms=False,
    saved_queries=False,
    cdk_nag=False,
)

STAGES: Mapping[str, Stage] = {stage.name: stage for stage in (DEV, PROD, LOCAL)}
DEPLOYED = ("dev", "prod")
"""Stages that are synthesized by default."""
