"""Every knob of the system, typed, with its default and what it does. The only place that reads the environment.

A setting's environment variable is its name in capitals. A service's own three-and-a-few carry the service's prefix
(``DOMAIN_SCHEDULER_BATCH_SIZE``). ``cdk synth`` and the cold start read through the same models, so a bad value fails
both, with a message that names the variable.
"""

from collections.abc import Mapping
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scrapersky.web.settings import WebSettings

Policy = Literal["manual", "auto"]
M = TypeVar("M", bound=BaseModel)


class SettingsError(ValueError):
    """An environment variable holds a value that cannot be used; the message names it, the value and what would be right."""


class ServiceSettings(BaseModel):
    """One service's own settings; their variables start with the service's prefix."""

    model_config = ConfigDict(frozen=True)

    interval_minutes: int = Field(1, ge=1, le=1_440, description="minutes between two ticks")
    batch_size: int = Field(50, ge=1, le=10_000, description="records claimed per workflow and tick")
    max_instances: int = Field(
        10,
        ge=2,
        le=1_000,
        description="invocations at once (SQS MaximumConcurrency, AWS's minimum is 2) and records at once in one",
    )
    messages_per_invocation: int = Field(
        10,
        ge=1,
        le=100,
        description="SQS batch size: messages handed to one invocation; more than 10 gather for a second",
    )
    max_per_host: int = Field(
        10, ge=1, le=1_000, description="live attempts on one host's records, where many share one"
    )
    max_in_flight: int = Field(500, ge=1, description="live attempts per workflow beyond which a tick claims nothing")


class Settings(WebSettings):
    """Settings that all services share; their variables carry no prefix. Times are seconds."""

    stage: str = Field("local", description="which deployment this is: names log lines, metrics and secrets")

    function_timeout_seconds: int = Field(
        180, ge=10, le=900, description="Lambda timeout; the queue's visibility follows it"
    )
    record_deadline_seconds: float = Field(120, gt=0, le=880, description="time one record's job may take")
    saving_seconds: float = Field(10, ge=0, description="kept back from an invocation's time, to save results in")
    start_minimum_seconds: float = Field(30, gt=0, description="a message with less time left than this is not started")
    start_lease_margin_seconds: float = Field(30, ge=0, description="lease beyond the invocation's own end")
    dispatch_lease_seconds: float = Field(
        7_200,
        gt=0,
        description="how long a message may wait in the queue; longer than its way to the dead-letter queue",
    )
    undelivered_max: int = Field(5, ge=1, description="undelivered attempts in a row after which a record is in Error")
    redelivery_min_seconds: int = Field(20, ge=0, le=43_200, description="shortest wait before a message comes again")
    redelivery_max_seconds: int = Field(60, ge=0, le=43_200, description="longest wait before a message comes again")
    recovery_limit: int = Field(500, ge=1, description="lost attempts looked at per workflow and tick")

    retry_base_seconds: float = Field(30, gt=0, description="backoff after the first failure; doubles with each")
    retry_cap_seconds: float = Field(21_600, gt=0, description="longest backoff")
    retry_max_failures: int = Field(5, ge=1, le=100, description="failures after which a record is in Error")
    retry_unknown_max_failures: int = Field(3, ge=1, le=100, description="the same for an exception nobody classified")
    configuration_pause_seconds: float = Field(
        900, gt=0, description="pause of a workflow whose configuration fails (bad key, quota of the day)"
    )

    handoff_deep_scan_to_domain_extraction: Policy = Field(
        "manual", description="queue domain extraction of a scanned business"
    )
    handoff_domain_extraction_to_metadata: Policy = Field("manual", description="queue metadata of a new domain")
    handoff_metadata_to_submission: Policy = Field("manual", description="submit a read domain for sitemap analysis")
    handoff_discovery_to_import: Policy = Field("manual", description="queue import of discovered sitemap files")

    database_secret: str = Field(
        "", description="name or ARN of the secret that holds the database's address and password"
    )
    database_url: str = Field(
        "", description="instead of the secret, for tools and tests: postgresql+pg8000://…", repr=False
    )
    database_connect_timeout_seconds: float = Field(10, gt=0, description="to connect to the database")
    database_statement_timeout_seconds: float = Field(60, gt=0, description="longest statement of a function's role")
    places_secret: str = Field("", description="name or ARN of the secret that holds the Google Places API key")
    places_base_url: str = Field("https://places.googleapis.com", description="Google Places API (New)")
    places_calls_per_day: int = Field(1_000, ge=0, description="paid Places calls a day (UTC), all records together")
    places_calls_per_record: int = Field(5, ge=0, description="paid Places calls a day (UTC) for one record")
    places_language: str = Field("en", description="languageCode asked of Places")

    proxy_secret: str = Field("", description="name or ARN of the secret that holds the proxy API's key")
    proxy_calls_per_day: int = Field(1_000, ge=0, description="paid proxy calls a day (UTC), all records together")
    proxy_calls_per_record: int = Field(50, ge=0, description="paid proxy calls a day (UTC) for one record")

    api_bulk_max: int = Field(
        5_000, ge=1, le=10_000, description="records that one request of the curation API may write"
    )
    api_idempotency_seconds: float = Field(
        86_400, gt=0, description="how long the curation API remembers an Idempotency-Key"
    )

    metadata_max_contacts: int = Field(50, ge=1, description="e-mail addresses, and phone numbers, kept per domain")
    metadata_max_text: int = Field(500_000, ge=1_000, description="characters of a page's visible text that are read")
    metadata_max_json_bytes: int = Field(100_000, ge=1_000, description="bytes of meta_json kept per domain")

    discovery_max_depth: int = Field(3, ge=1, le=10, description="levels of nested sitemap indexes")
    discovery_max_files: int = Field(500, ge=1, description="sitemap files kept per domain")
    discovery_max_requests: int = Field(600, ge=1, description="requests per scan of one domain")
    discovery_max_requests_for_nothing: int = Field(
        25, ge=1, description="requests per scan after which guessing ends while no sitemap was found"
    )
    import_max_urls: int = Field(50_000, ge=1, description="urls read from one sitemap file (sitemaps.org: 50,000)")
    import_max_decoded_bytes: int = Field(
        52_428_800, ge=1, description="bytes of one sitemap unpacked (sitemaps.org: 50 MiB)"
    )


def load(model: type[M], environment: Mapping[str, str], prefix: str = "", defaults: M | None = None) -> M:
    """Reads ``model`` from ``environment``; ``prefix`` (with its underscore) stands before each variable's name.

    An absent or empty variable means the default: of ``defaults`` when given, else the model's own. Raises
    :class:`SettingsError` naming every bad variable.
    """
    given: dict[str, object] = defaults.model_dump() if defaults else {}
    given |= {
        field: environment[variable]
        for field in model.model_fields
        if environment.get(variable := f"{prefix}{field}".upper())
    }
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise SettingsError("; ".join(_explain(problem, model, prefix) for problem in error.errors())) from None


def _explain(problem: Mapping[str, object], model: type[BaseModel], prefix: str) -> str:
    location = problem["loc"]
    name = str(location[0]) if isinstance(location, tuple) and location else "?"
    known = model.model_fields.get(name)
    hint = f" ({known.description}; default {known.default!r})" if known else ""
    return f"{prefix}{name}".upper() + f"={problem['input']!r}: {problem['msg']}{hint}"
