"""A stage with the operator's overrides applied and validated: the input of all constructs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from infra.stage import Stage
from scrapersky.runtime.batch import MOST_DOUBLINGS
from scrapersky.runtime.registry import SERVICES
from scrapersky.settings import ServiceSettings, Settings, SettingsError, connections, load
from scrapersky.status.workflow import Workflow

SET_BY_THE_STACK = frozenset(
    {"stage", "database_secret", "database_owner_secret", "places_secret", "proxy_secret", "export_bucket"}
)
"""Settings that follow from the stage and cannot be overridden from the operator's environment."""

NEVER_DEPLOYED = frozenset({"database_url", "web_loopback_internet", "dns_loopback_server"})
"""Settings for tools, tests and the local run only: a plain-text password, and the use of servers on loopback."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one stack is built from."""

    stage: Stage
    settings: Settings
    services: Mapping[str, ServiceSettings]
    """Settings of each service, by the service's name."""

    @property
    def uses_proxy(self) -> bool:
        """Return whether websites may be requested through the proxy API."""
        return self.settings.web_proxy != "never"

    @property
    def names_its_operator(self) -> bool:
        """Return whether the User-Agent has a contact url, and another than the product's own."""
        own = Settings.model_fields["web_user_agent"].default
        contact = re.search(r"https?://[^\s);]+", self.settings.web_user_agent)
        return contact is not None and contact[0] not in own

    def pays(self, workflow: Workflow) -> bool:
        """Return whether records of ``workflow`` may cause paid calls (Places or proxy API)."""
        return workflow.uses_places_api or (self.uses_proxy and workflow.uses_web)

    @property
    def connections(self) -> int:
        """Return the number of database connections that the functions may have open at the same time."""
        return connections(self.settings, self.services.values(), reserved=self.stage.reserved_concurrency)

    @property
    def visibility_seconds(self) -> int:
        """Return the visibility timeout of the queues."""
        return self.stage.visibility_factor * self.settings.function_timeout_seconds


def plan(stage: Stage, environment: Mapping[str, str]) -> Plan:
    """Return the plan of ``stage``, its settings overridden by ``environment`` and validated by the functions' own models.

    Raises :class:`SettingsError`, which names every variable that holds an invalid value.
    """
    protected = {name.upper() for name in SET_BY_THE_STACK | NEVER_DEPLOYED}
    overrides = {name: value for name, value in environment.items() if name not in protected}
    defaults = stage.settings.model_copy(update={"stage": stage.name, "database_secret": stage.database_secret})
    planned = Plan(
        stage=stage,
        settings=load(Settings, overrides, defaults=defaults),
        services={
            service.name: load(
                ServiceSettings,
                overrides,
                prefix=f"{service.env_prefix}_",
                defaults=service.defaults.model_copy(update=dict(stage.service_settings)),
            )
            for service in SERVICES
        },
    )
    reject_contradictions(planned)
    return planned


def reject_contradictions(planned: Plan) -> None:
    """Raise :class:`SettingsError` when settings that are valid individually contradict each other."""
    stage, settings = planned.stage, planned.settings
    if stage.database and not stage.network:
        raise SettingsError(f"stage {stage.name}: database=Aurora(…) needs a VPC: set network=Network(…) as well")
    if planned.connections > stage.database_connections:
        raise SettingsError(
            f"the functions of stage {stage.name} may open {planned.connections} connections at the same time, but the "
            f"database has {stage.database_connections} for them: lower …_MAX_INSTANCES or use a larger database"
        )
    timeout = f"FUNCTION_TIMEOUT_SECONDS={settings.function_timeout_seconds}"
    if settings.record_deadline_seconds >= settings.function_timeout_seconds:
        raise SettingsError(f"RECORD_DEADLINE_SECONDS={settings.record_deadline_seconds} must be less than {timeout}")
    for name, own in planned.services.items():
        _reject_contradictions_of(name, own, settings)
    if settings.redelivery_min_seconds > settings.redelivery_max_seconds:
        least, most = settings.redelivery_min_seconds, settings.redelivery_max_seconds
        raise SettingsError(f"REDELIVERY_MIN_SECONDS={least} must not be more than REDELIVERY_MAX_SECONDS={most}")
    # Otherwise recovery would release messages that are still on their way to the dead-letter queue, again and again.
    waits = [settings.redelivery_max_seconds * 2 ** min(n, MOST_DOUBLINGS) for n in range(stage.max_receive_count)]
    way = sum(max(planned.visibility_seconds, wait) for wait in waits)
    if settings.dispatch_lease_seconds <= way:
        raise SettingsError(
            f"DISPATCH_LEASE_SECONDS={settings.dispatch_lease_seconds} must be more than {way}, the seconds that "
            f"{stage.max_receive_count} receives of a message take with {timeout} and REDELIVERY_MAX_SECONDS="
            f"{settings.redelivery_max_seconds}"
        )


def _reject_contradictions_of(name: str, own: ServiceSettings, settings: Settings) -> None:
    at_once = own.max_instances * own.records_at_once
    if own.max_in_flight < at_once + own.batch_size:
        raise SettingsError(
            f"{name}: MAX_IN_FLIGHT={own.max_in_flight} must be at least {at_once + own.batch_size}: MAX_INSTANCES="
            f"{own.max_instances} x RECORDS_AT_ONCE={own.records_at_once} + BATCH_SIZE={own.batch_size}"
        )
    if own.pull and own.pull_minimum_seconds >= settings.function_timeout_seconds:
        raise SettingsError(
            f"{name}: PULL_MINIMUM_SECONDS={own.pull_minimum_seconds} must be less than FUNCTION_TIMEOUT_SECONDS="
            f"{settings.function_timeout_seconds}, or nothing is ever pulled; PULL=false is how to say that"
        )


def environment_variables(settings: BaseModel, *, prefix: str = "", include_defaults: bool = False) -> dict[str, str]:
    """Return the environment variables from which ``load`` reads ``settings``: those that differ from the default, or all."""
    values = settings.model_dump(mode="json", exclude_defaults=not include_defaults, exclude=set(NEVER_DEPLOYED))
    return {f"{prefix}{name}".upper(): str(value) for name, value in values.items() if value not in (None, "")}
