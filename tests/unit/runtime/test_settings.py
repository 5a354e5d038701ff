"""Settings are typed and documented, and an invalid one is named."""

import pytest
from pydantic import BaseModel

from scrapersky.runtime.registry import DISCOVERY, SERVICES, Service
from scrapersky.settings import ServiceSettings, Settings, SettingsError, load
from scripts.commands import settings_table

MODELS: tuple[type[BaseModel], ...] = (Settings, ServiceSettings)


@pytest.mark.parametrize("model", MODELS)
def test_every_setting_has_a_description_and_a_valid_default(model: type[BaseModel]) -> None:
    model.model_validate(model().model_dump())
    for name, field in model.model_fields.items():
        assert field.description, name
        assert not field.is_required(), name


def test_the_settings_page_matches_the_models() -> None:
    assert settings_table.PAGE.read_text(encoding="utf-8") == settings_table.page()


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_pulls_stop_while_the_slowest_ordinary_record_still_fits(service: Service) -> None:
    settings = Settings()
    # A host that no connection reaches is tried by two schemes and two names.
    seconds = 4 * settings.web_connect_timeout_seconds
    if DISCOVERY in service.workflows:
        # A site without a sitemap that takes 2 s for each answer.
        seconds = max(seconds, 2 * settings.discovery_max_requests_for_nothing)
    own = service.defaults
    assert seconds + settings.saving_seconds <= own.pull_minimum_seconds < settings.function_timeout_seconds / 2


def test_a_services_settings_are_read_with_its_prefix_over_its_defaults() -> None:
    service = SERVICES[1]
    environment = {f"{service.env_prefix}_INTERVAL_MINUTES": "5", "INTERVAL_MINUTES": "9", "OTHER_BATCH_SIZE": "1"}
    read = load(ServiceSettings, environment, f"{service.env_prefix}_", service.defaults)
    assert (read.interval_minutes, read.batch_size) == (5, service.defaults.batch_size)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DOMAIN_SCHEDULER_BATCH_SIZE", "banana"),
        ("DOMAIN_SCHEDULER_BATCH_SIZE", "0"),
        ("DOMAIN_SCHEDULER_INTERVAL_MINUTES", "1.5"),
        ("DOMAIN_SCHEDULER_MAX_INSTANCES", "1"),
    ],
)
def test_an_invalid_value_is_refused_with_the_variable_the_value_and_the_default(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(ServiceSettings, {variable: value}, "DOMAIN_SCHEDULER_")
    assert variable in str(refused.value)
    assert repr(value) in str(refused.value)
    assert "default" in str(refused.value)


def test_all_invalid_variables_are_named_together() -> None:
    with pytest.raises(SettingsError, match=r"RETRY_BASE_SECONDS.*RETRY_CAP_SECONDS"):
        load(Settings, {"RETRY_BASE_SECONDS": "-1", "RETRY_CAP_SECONDS": "soon"})


def test_an_empty_variable_means_the_default() -> None:
    assert load(Settings, {"RETRY_BASE_SECONDS": ""}) == Settings()


@pytest.mark.parametrize("model", [Settings, ServiceSettings])
def test_every_number_has_an_upper_bound_and_none_is_infinite(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        if field.annotation in (int, float):
            assert any(hasattr(bound, "le") or hasattr(bound, "lt") for bound in field.metadata), name
            for value in ("inf", "nan", "1e18"):
                with pytest.raises(SettingsError, match=name.upper()):
                    load(model, {name.upper(): value})


@pytest.mark.parametrize("token", ["Bot/1.0", "Bot 2", "Bot2", "*", "Bötchen"])
def test_a_product_token_that_robots_txt_cannot_name_is_refused(token: str) -> None:
    with pytest.raises(SettingsError, match="WEB_USER_AGENT_TOKEN"):
        load(Settings, {"WEB_USER_AGENT_TOKEN": token})
