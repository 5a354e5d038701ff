"""All settings, typed, with default and description. The only module that reads environment variables.

The environment variable of a setting is its name in capitals; the settings of one service carry the service's prefix
(``DOMAIN_SCHEDULER_BATCH_SIZE``). ``cdk synth`` and the cold start validate with the same models, so a bad value fails
both with a message that names the variable. ``docs/reference/settings.md`` is generated from this file.
"""

import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Policy = Literal["manual", "auto"]
M = TypeVar("M", bound=BaseModel)

_CATEGORIES = "role|personal|no-reply|free|disposable|other"
"""The values of ``vocabulary.EmailCategory``, which is above this module."""

LONGEST = 366 * 86_400
"""Seconds: the upper bound of times that have no narrower one. Postgres refuses intervals over 178,000,000 years."""
MOST = 2**31 - 1
"""The upper bound of counts and sizes that have no narrower one: the largest integer of Postgres."""


class SettingsError(ValueError):
    """An environment variable has an invalid value. The message names the variable, the value and what is valid."""


class ServiceSettings(BaseModel):
    """Settings of one service; their variables start with the service's prefix."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    interval_minutes: int = Field(1, ge=1, le=1_440, description="minutes between two ticks")
    batch_size: int = Field(50, ge=1, le=10_000, description="records claimed per workflow and tick")
    max_instances: int = Field(
        10, ge=2, le=1_000, description="invocations at once (SQS MaximumConcurrency; AWS's minimum is 2)"
    )
    records_at_once: int = Field(50, ge=1, le=1_000, description="records that one invocation works on at once")
    pull: bool = Field(
        True, description="a working invocation takes more records by itself; false: only what its messages name"
    )
    pull_minimum_seconds: float = Field(
        45,
        gt=0,
        le=LONGEST,
        description="an invocation with less time left than this pulls nothing: what a record takes (p99), plus saving",
    )
    max_per_host: int = Field(
        10,
        ge=1,
        le=1_000,
        description="live attempts on the records of one host, for workflows whose records share hosts",
    )
    max_in_flight: int = Field(
        1_000,
        ge=1,
        le=MOST,
        description="live attempts per workflow; at this number a tick claims nothing. Pulls leave BATCH_SIZE of them free",
    )


class Settings(BaseModel):
    """Settings that all services share; their variables have no prefix. Times are seconds, sizes are bytes."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    stage: str = Field("local", description="name of the deployment; used in log lines, metrics and secrets")

    function_timeout_seconds: int = Field(
        180, ge=10, le=900, description="Lambda timeout; the queue's visibility follows it"
    )
    record_deadline_seconds: float = Field(120, gt=0, le=880, description="time one record's job may take")
    saving_seconds: float = Field(
        10, ge=0, le=LONGEST, description="reserved at the end of an invocation for saving results"
    )
    start_minimum_seconds: float = Field(
        30, gt=0, le=LONGEST, description="an invocation with less time left than this starts no message"
    )
    start_lease_margin_seconds: float = Field(
        30, ge=0, le=LONGEST, description="margin of the lease beyond the end of the invocation"
    )
    dispatch_lease_seconds: float = Field(
        7_200,
        gt=0,
        le=LONGEST,
        description="how long a message may wait in the queue; must exceed the time until the dead-letter queue",
    )
    undelivered_max: int = Field(
        5, ge=1, le=MOST, description="undelivered attempts in a row after which a record is in Error"
    )
    redelivery_min_seconds: int = Field(
        20, ge=0, le=43_200, description="shortest wait before a message is redelivered"
    )
    redelivery_max_seconds: int = Field(
        60, ge=0, le=43_200, description="longest wait before a message is redelivered; doubled at each receive"
    )
    history_days: int = Field(
        90,
        ge=0,
        le=36_500,
        description="days for which ended attempts, events, pauses and paid calls are kept; 0: for ever",
    )
    places_content_days: int = Field(
        30,
        ge=0,
        le=36_500,
        description="days after which what only Google Places gave is emptied, except place ids; 0: never",
    )
    contacts_gone_days: int = Field(
        90, ge=0, le=36_500, description="days after which a contact that is gone is deleted; 0: never"
    )
    contacts_keep: str = Field(
        "role,other,free",
        pattern=rf"^(none|({_CATEGORIES})(,({_CATEGORIES}))*)$",
        description=f"categories of e-mail addresses that are stored: {_CATEGORIES.replace('|', ', ')}; or none. Others "
        "are masked in all that is stored of their pages",
    )
    metadata_refresh_days: int = Field(
        0, ge=0, le=36_500, description="days after which the home page of a domain is read again; 0: never"
    )
    sitemap_refresh_days: int = Field(
        0, ge=0, le=36_500, description="days after which the sitemaps of a domain are looked for again; 0: never"
    )
    page_refresh_days: int = Field(
        0, ge=0, le=36_500, description="days after which a contact page is read again; 0: never"
    )
    recovery_limit: int = Field(500, ge=1, le=MOST, description="expired attempts recovered per workflow and tick")

    retry_base_seconds: float = Field(
        30, gt=0, le=LONGEST, description="backoff after the first failure; doubles with each"
    )
    retry_cap_seconds: float = Field(21_600, gt=0, le=LONGEST, description="longest backoff")
    retry_max_failures: int = Field(5, ge=1, le=100, description="failures after which a record is in Error")
    retry_unknown_max_failures: int = Field(
        3, ge=1, le=100, description="the same for an exception that is not a WorkError"
    )
    configuration_pause_seconds: float = Field(
        900, gt=0, le=LONGEST, description="pause of a workflow whose configuration fails (bad key, quota of the day)"
    )

    handoff_place_search_to_deep_scan: Policy = Field(
        "manual", description="queue the deep scan of a place that was found"
    )
    handoff_deep_scan_to_domain_extraction: Policy = Field(
        "manual", description="queue domain extraction of a scanned business"
    )
    handoff_domain_extraction_to_metadata: Policy = Field("manual", description="queue metadata of a new domain")
    handoff_metadata_to_submission: Policy = Field("manual", description="submit a read domain for sitemap analysis")
    handoff_page_reading_to_email_check: Policy = Field(
        "manual", description="check the e-mail addresses of a contact page that were not checked yet"
    )
    handoff_metadata_to_email_check: Policy = Field(
        "manual", description="check the e-mail addresses of a home page that were never checked"
    )
    handoff_discovery_to_import: Policy = Field("manual", description="queue import of discovered sitemap files")
    handoff_metadata_to_page_reading: Policy = Field(
        "manual", description="read the contact pages that a home page links"
    )
    handoff_import_to_page_reading: Policy = Field("manual", description="read the contact pages that a sitemap lists")

    database_secret: str = Field(
        "", description="name or ARN of the secret that holds the database's address and password"
    )
    database_owner_secret: str = Field(
        "", description="secret of the tables' owner, for the migrations; its fields precede those of DATABASE_SECRET"
    )
    database_url: str = Field(
        "", description="instead of the secret, for tools and tests: postgresql+pg8000://…", repr=False
    )
    database_connect_timeout_seconds: float = Field(10, gt=0, le=600, description="to connect to the database")
    database_statement_timeout_seconds: float = Field(
        60, gt=0, le=86_400, description="longest statement of a function's role"
    )
    places_secret: str = Field("", description="name or ARN of the secret that holds the Google Places API key")
    places_base_url: str = Field("https://places.googleapis.com", description="Google Places API (New)")
    places_calls_per_day: int = Field(
        1_000, ge=0, le=MOST, description="paid Places calls a day (UTC), all records together"
    )
    places_calls_per_record: int = Field(5, ge=0, le=MOST, description="paid Places calls a day (UTC) for one record")
    place_search_calls_per_search: int = Field(
        200, ge=0, le=MOST, description="paid Places calls a day (UTC) for one map search with all its tiles"
    )
    place_search_max_splits: int = Field(
        6, ge=0, le=10, description="how often the area of a map search is divided in four where Google returns no more"
    )
    places_search_dollars: float = Field(
        32,
        ge=0,
        le=10_000,
        description="dollars for 1,000 Text Search calls (SKU Pro), for estimates",
    )
    places_details_dollars: float = Field(
        20, ge=0, le=10_000, description="dollars for 1,000 Place Details calls (SKU Enterprise), for estimates"
    )
    places_language: str = Field("en", description="languageCode in requests to Places")

    proxy_secret: str = Field("", description="name or ARN of the secret that holds the proxy API's key")
    proxy_calls_per_day: int = Field(
        1_000, ge=0, le=MOST, description="paid proxy calls a day (UTC), all records together"
    )
    proxy_calls_per_record: int = Field(50, ge=0, le=MOST, description="paid proxy calls a day (UTC) for one record")

    api_bulk_max: int = Field(
        5_000, ge=1, le=10_000, description="records that one request of the curation API may write"
    )
    api_idempotency_seconds: float = Field(
        86_400, gt=0, le=LONGEST, description="how long the curation API remembers an Idempotency-Key"
    )
    api_listing_wait_seconds: float = Field(
        1,
        ge=0,
        le=10,
        description="how long a listing waits for transactions that may still insert records of its page",
    )

    api_tenant_claim: str = Field(
        "", description="claim of a caller's token that names the tenant whose records it may see and change; * is all"
    )
    api_tenants: str = Field(
        "",
        pattern=r"^(arn:[^=,\s]+=[^=,\s]+(,arn:[^=,\s]+=[^=,\s]+)*)?$",
        description="the same for callers with IAM: ARN=tenant of roles or users, separated by commas; * is all tenants",
    )

    export_bucket: str = Field("", description="name of the bucket of exports, which keeps a file for a day")

    reader_memory_mb: int = Field(
        128, ge=64, le=4_096, description="MB that the process which reads pages may allocate"
    )
    reader_cpu_seconds: float = Field(1, gt=0, le=60, description="processor time that reading one page may take")
    metadata_max_contacts: int = Field(
        50, ge=1, le=MOST, description="e-mail addresses, and phone numbers, kept per page"
    )
    metadata_max_text: int = Field(
        500_000, ge=1_000, le=MOST, description="characters of a page's visible text that are read"
    )
    metadata_max_json_bytes: int = Field(100_000, ge=1_000, le=MOST, description="bytes of meta_json kept per domain")

    page_reading_max_pages: int = Field(
        5, ge=1, le=MOST, description="contact pages of one domain that hand-offs queue for reading"
    )
    page_opt_outs: str = Field(
        "noai,tdm-reservation",
        pattern=r"^(none|(noindex|noai|tdm-reservation)(,(noindex|noai|tdm-reservation))*)$",
        description="signals of a page (robots meta, X-Robots-Tag, TDMRep) that keep it from being read: noindex, noai, "
        "tdm-reservation; or none",
    )

    discovery_max_depth: int = Field(3, ge=1, le=10, description="levels of nested sitemap indexes")
    discovery_max_files: int = Field(500, ge=1, le=MOST, description="sitemap files kept per domain")
    discovery_max_requests: int = Field(600, ge=1, le=MOST, description="requests per scan of one domain")
    discovery_max_requests_for_nothing: int = Field(
        25, ge=1, le=MOST, description="requests per scan after which guessing ends while no sitemap was found"
    )
    import_max_urls: int = Field(
        50_000, ge=1, le=MOST, description="urls read from one sitemap file (sitemaps.org: 50,000)"
    )
    import_max_decoded_bytes: int = Field(
        52_428_800, ge=1, le=MOST, description="bytes of one sitemap after unpacking (sitemaps.org: 50 MiB)"
    )

    email_check_cache_days: float = Field(
        7, ge=0, le=366, description="days for which DNS is not asked again whether a domain takes mail"
    )
    email_check_dns_seconds: float = Field(
        5, gt=0, le=5, description="time for all DNS look-ups of the domain of one e-mail address"
    )
    dns_loopback_server: str | None = Field(
        None,
        pattern=r"^(127(\.\d{1,3}){3}|\[::1\]):\d{1,5}$",
        description=(
            "local run and tests only, never set in a deployed stack: the DNS server on loopback (host:port) that is "
            "asked instead of the system's resolver"
        ),
    )

    web_user_agent_token: str = Field(
        "ScraperSkyBot",
        pattern=r"^[A-Za-z_-]+$",
        description="product token of the crawler, matched against robots.txt",
    )
    web_user_agent: str = Field(
        "ScraperSkyBot/1.0 (+https://scrapersky.com/bot)", description="User-Agent header, with a contact url"
    )
    web_from: str = Field(
        "",
        pattern=r"^([\x21-\x7e]+@[\x21-\x7e]+)?$",
        description="e-mail address of the operator, sent to websites as the From header; empty: none",
    )
    web_request_deadline_seconds: float = Field(
        20, gt=0, le=600, description="connect, headers and body of one request"
    )
    web_connect_timeout_seconds: float = Field(
        8, gt=0, le=60, description="name look-up, connect and TLS handshake of one hop"
    )
    web_max_wire_bytes: int = Field(60_000_000, gt=0, le=MOST, description="bytes of one body as sent")
    web_max_decoded_bytes: int = Field(60_000_000, gt=0, le=MOST, description="bytes of one body after unpacking")
    web_max_page_bytes: int = Field(
        2_000_000, gt=0, le=MOST, description="bytes of one HTML page; the rest is not read"
    )
    web_max_embedded_bytes: int = Field(
        8_000_000, ge=0, le=MOST, description="bytes of images and fonts embedded in one HTML page that are skipped"
    )
    web_max_header_bytes: int = Field(32_768, gt=0, le=1_048_576, description="bytes of one header line")
    web_max_redirects: int = Field(5, ge=0, le=20, description="redirects followed in one request")
    web_max_url_length: int = Field(2_048, gt=0, le=65_536, description="characters of a url")
    web_ports: str = Field("80,443", pattern=r"^\d{1,5}(,\d{1,5})*$", description="ports that may be connected to")
    web_requests_per_host: int = Field(2, ge=1, le=16, description="concurrent requests to one host, over all workers")
    web_host_interval_seconds: float = Field(
        0.1,
        ge=0,
        le=60,
        description="between the starts of two requests to one host; a longer Crawl-delay takes precedence",
    )
    web_host_acquire_timeout_seconds: float = Field(
        20,
        ge=0,
        le=600,
        description="longest wait for a host that another worker uses or that cools down; then the record is snoozed",
    )
    web_host_keep_alive_seconds: float = Field(
        1, ge=0, le=60, description="how long a worker keeps its lease of a host after its last request there"
    )
    web_host_lease_seconds: float = Field(
        60, gt=0, le=900, description="shortest lease of a host: a worker that crashes blocks the host for this long"
    )
    web_robots_cache_seconds: float = Field(3_600, ge=0, le=86_400, description="how long a robots.txt is cached")
    web_robots_max_bytes: int = Field(
        512_000, ge=512_000, le=MOST, description="bytes of a robots.txt that are read (RFC 9309: ≥ 500 KiB)"
    )
    web_crawl_delay_cap_seconds: float = Field(5, ge=0, le=60, description="longest Crawl-delay that is honoured")
    web_retry_after_cap_seconds: float = Field(3_600, ge=0, le=LONGEST, description="longest Retry-After honoured")
    web_proxy: Literal["never", "blocked", "always"] = Field(
        "never",
        description="pages fetched through the proxy API: never, blocked (sites that answer 403 or a challenge), always",
    )
    web_proxy_url: str = Field(
        "https://api.scraperapi.com/",
        pattern=r"^https?://[^?#]+$",
        description="endpoint of the proxy API; the page is given as the parameter url",
    )
    web_proxy_key_header: str = Field(
        "x-sapi-api_key", pattern=r"^[A-Za-z0-9_-]+$", description="header that carries the key of the proxy API"
    )
    web_proxy_parameters: str = Field(
        "", description="further parameters for the proxy API, such as country_code=us&premium=true"
    )
    web_proxy_deadline_seconds: float = Field(
        70, gt=0, le=600, description="deadline of one request through the proxy API"
    )
    web_loopback_internet: Path | None = Field(
        None,
        description=("local run and tests only, never set in a deployed stack: a JSON file of an internet on loopback"),
    )

    @property
    def kept_categories(self) -> list[str]:
        """Return :attr:`contacts_keep` as a list."""
        return self.contacts_keep.split(",")

    @property
    def lock_seconds(self) -> float:
        """How long a function waits for a lock: less than half of the time in which all results must be saved."""
        return max(0.1, 0.3 * self.saving_seconds)

    @property
    def tenants(self) -> dict[str, str]:
        """Return :attr:`api_tenants` as {ARN: tenant}."""
        pairs = (one.rpartition("=") for one in self.api_tenants.split(",") if one)
        return {arn: tenant for arn, _, tenant in pairs}

    @property
    def ports(self) -> frozenset[int]:
        """Return :attr:`web_ports` as numbers."""
        return frozenset(map(int, self.web_ports.split(",")))


POLLED_CONCURRENCY = 2
"""Concurrent invocations of the function dead-letter per queue: AWS's minimum."""
DEAD_LETTER_CONCURRENCY = 4
"""Concurrent invocations of the function dead-letter in all; a dead letter is one short statement. Reserved, unless the
stage says no."""
API_CONCURRENCY = 10
"""Concurrent requests of the curation API; each takes tens of milliseconds. Reserved, unless the stage says no."""


def connections(settings: Settings, services: Collection[ServiceSettings], *, reserved: bool = True) -> int:
    """Return the number of database connections that the functions of a stage may have open at the same time.

    Every instance holds one, also while it is idle. Counted are the workers and the overlapping ticks of each service, the
    dead letters, the curation API, housekeeping and the migrations. Not counted are instances that a deployment has just
    replaced, which keep their connections for some minutes. ``reserved``: whether the stage reserves concurrency.
    """
    timeout = settings.function_timeout_seconds
    workers = sum(one.max_instances + math.ceil(timeout / (60 * one.interval_minutes)) for one in services)
    dead_letters = DEAD_LETTER_CONCURRENCY if reserved else POLLED_CONCURRENCY * len(services)
    return workers + dead_letters + API_CONCURRENCY + 2


def load(model: type[M], environment: Mapping[str, str], prefix: str = "", defaults: M | None = None) -> M:
    """Read ``model`` from ``environment``; ``prefix`` (with its underscore) precedes each variable's name.

    An absent or empty variable means the default: that of ``defaults`` if given, else the model's. Raises
    :class:`SettingsError` naming every invalid variable.
    """
    values: dict[str, object] = defaults.model_dump() if defaults else {}
    values |= {
        field: environment[variable]
        for field in model.model_fields
        if environment.get(variable := f"{prefix}{field}".upper())
    }
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise SettingsError("; ".join(_explain(problem, model, prefix) for problem in error.errors())) from None


def _explain(problem: Mapping[str, object], model: type[BaseModel], prefix: str) -> str:
    location = problem["loc"]
    name = str(location[0]) if isinstance(location, tuple) and location else "?"
    known = model.model_fields.get(name)
    hint = f" ({known.description}; default {known.default!r})" if known else ""
    return f"{prefix}{name}".upper() + f"={problem['input']!r}: {problem['msg']}{hint}"
