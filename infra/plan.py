"""A stage with the operator's overrides applied and validated: all that the constructs read."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from infra.config import Stage
from scrapersky.runtime.registry import SERVICES, Service
from scrapersky.settings import ServiceSettings, Settings, SettingsError, load
from scrapersky.status.workflow import Workflow

DECIDED_BY_THE_STACK = frozenset({"stage", "database_secret", "places_secret", "proxy_secret"})
"""Settings that follow from the stage, whatever the operator's shell holds."""

NEVER_DEPLOYED = frozenset({"database_url", "web_loopback_internet"})
"""Settings for tools, tests and the local run: a password in plain sight, and the one door to loopback addresses."""


LETTERS_AT_ONCE = 2
"""Invocations of the function dead-letter for one queue: AWS's minimum, and a letter is one short statement."""

CALLERS_AT_ONCE = 10
"""Requests of the curation API that are served at the same moment; each takes tens of milliseconds."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one stack is built from."""

    stage: Stage
    settings: Settings
    services: Mapping[str, ServiceSettings]
    """By the service's name."""

    @property
    def uses_proxy(self) -> bool:
        """Whether websites may be asked by the proxy API."""
        return self.settings.web_proxy != "never"

    def pays(self, service: Service, workflow: Workflow) -> bool:
        """Whether a record of ``workflow``, which ``service`` owns, may cost a paid call: of Places, or of the proxy API."""
        return workflow in service.asks_places or (self.uses_proxy and service.visits(workflow))

    @property
    def connections(self) -> int:
        """How many connections the functions may have open together: every instance holds one, also while it is idle.

        Those of a service's workers and its tick, of its dead letters, and of the curation API. Not counted are the
        instances that a deployment has just replaced, which hold theirs for some minutes more.
        """
        working = sum(service.max_instances + 1 for service in self.services.values())
        return working + LETTERS_AT_ONCE * len(self.services) + CALLERS_AT_ONCE

    @property
    def visibility_seconds(self) -> int:
        """How long a delivered message stays hidden, unless somebody shortens it."""
        return self.stage.visibility_factor * self.settings.function_timeout_seconds


def plan(stage: Stage, environment: Mapping[str, str]) -> Plan:
    """Overrides the stage's settings by those in ``environment``, validated as the functions will validate them.

    Raises :class:`SettingsError` naming every variable that holds a bad value.
    """
    closed = {name.upper() for name in DECIDED_BY_THE_STACK | NEVER_DEPLOYED}
    opened = {name: value for name, value in environment.items() if name not in closed}
    decided = stage.settings.model_copy(update={"stage": stage.name, "database_secret": stage.database_secret})
    planned = Plan(
        stage=stage,
        settings=load(Settings, opened, defaults=decided),
        services={
            service.name: load(
                ServiceSettings,
                opened,
                prefix=f"{service.env_prefix}_",
                defaults=service.defaults.model_copy(update=dict(stage.service_settings)),
            )
            for service in SERVICES
        },
    )
    refuse_contradictions(planned)
    return planned


def refuse_contradictions(planned: Plan) -> None:
    """Raises :class:`SettingsError` when settings that are fine one by one do not go together."""
    settings = planned.settings
    if planned.stage.database and not planned.stage.network:
        raise SettingsError(
            f"stage {planned.stage.name}: database=Aurora(…) stands in a VPC, so network=Network(…) is right"
        )
    if planned.connections > planned.stage.database_connections:
        raise SettingsError(
            f"the functions of stage {planned.stage.name} may open {planned.connections} connections at once, and its "
            f"database has {planned.stage.database_connections} for them: fewer …_MAX_INSTANCES, or a larger database is right"
        )
    timeout = f"FUNCTION_TIMEOUT_SECONDS={settings.function_timeout_seconds}"
    if settings.record_deadline_seconds >= settings.function_timeout_seconds:
        raise SettingsError(f"RECORD_DEADLINE_SECONDS={settings.record_deadline_seconds}: less than {timeout} is right")
    if settings.redelivery_min_seconds > settings.redelivery_max_seconds:
        least, most = settings.redelivery_min_seconds, settings.redelivery_max_seconds
        raise SettingsError(f"REDELIVERY_MIN_SECONDS={least}: no more than REDELIVERY_MAX_SECONDS={most} is right")
    # Else recovery releases a message that is still on its way to the dead-letter queue, again and again.
    way = planned.stage.max_receive_count * planned.visibility_seconds
    if settings.dispatch_lease_seconds <= way:
        raise SettingsError(
            f"DISPATCH_LEASE_SECONDS={settings.dispatch_lease_seconds}: more than {way} is right, the seconds that "
            f"{planned.stage.max_receive_count} deliveries of a message take with {timeout}"
        )


def variables(settings: BaseModel, *, prefix: str = "", all_of_them: bool = False) -> dict[str, str]:
    """Environment variables from which ``load`` reads ``settings`` again: those that differ from the default, or all."""
    values = settings.model_dump(mode="json", exclude_defaults=not all_of_them, exclude=set(NEVER_DEPLOYED))
    return {f"{prefix}{name}".upper(): str(value) for name, value in values.items() if value not in (None, "")}
