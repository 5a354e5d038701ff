"""A stage with the operator's overrides applied and validated: all that the constructs read."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from infra.config import Stage
from scrapersky.service.registry import SERVICES
from scrapersky.service.settings import ServiceSettings, Settings, SettingsError, load

DECIDED_BY_THE_STACK = frozenset({"stage", "database_secret", "places_secret", "proxy_secret"})
"""Settings that follow from the stage, whatever the operator's shell holds."""

NEVER_DEPLOYED = frozenset({"database_url", "web_loopback_internet"})
"""Settings for tools, tests and the local run: a password in plain sight, and the one door to loopback addresses."""


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

    @property
    def visibility_seconds(self) -> int:
        """How long a delivered ticket stays hidden, unless somebody shortens it."""
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
    timeout = f"FUNCTION_TIMEOUT_SECONDS={settings.function_timeout_seconds}"
    if settings.record_deadline_seconds >= settings.function_timeout_seconds:
        raise SettingsError(f"RECORD_DEADLINE_SECONDS={settings.record_deadline_seconds}: less than {timeout} is right")
    if settings.redelivery_min_seconds > settings.redelivery_max_seconds:
        least, most = settings.redelivery_min_seconds, settings.redelivery_max_seconds
        raise SettingsError(f"REDELIVERY_MIN_SECONDS={least}: no more than REDELIVERY_MAX_SECONDS={most} is right")
    # Else recovery releases a ticket that is still on its way to the dead-letter queue, again and again.
    way = planned.stage.max_receive_count * planned.visibility_seconds
    if settings.dispatch_lease_seconds <= way:
        raise SettingsError(
            f"DISPATCH_LEASE_SECONDS={settings.dispatch_lease_seconds}: more than {way} is right, the seconds that "
            f"{planned.stage.max_receive_count} deliveries of a ticket take with {timeout}"
        )


def variables(settings: BaseModel, *, prefix: str = "", all_of_them: bool = False) -> dict[str, str]:
    """Environment variables from which ``load`` reads ``settings`` again: those that differ from the default, or all."""
    values = settings.model_dump(mode="json", exclude_defaults=not all_of_them, exclude=set(NEVER_DEPLOYED))
    return {f"{prefix}{name}".upper(): str(value) for name, value in values.items() if value not in (None, "")}
