"""The stages, and everything in which they differ. No other file asks which stage it is building.

Every number of a stage that the functions read is a setting, so an operator can override it by its environment
variable when deploying (``DOMAIN_SCHEDULER_INTERVAL_MINUTES=5 cdk deploy scrapersky-dev``); see ``infra/plan.py``.
"""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from aws_cdk import RemovalPolicy
from aws_cdk.aws_logs import RetentionDays

from infra.dependencies import Architecture
from infra.options import Alarms, Aurora, ExistingNetwork, Network
from scrapersky.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One deployment of the system. Sizes are MB, times as named."""

    name: str
    settings: Settings = field(default_factory=Settings)
    """Shared settings of the stage; what equals the default is not passed to the functions."""
    service_settings: Mapping[str, object] = field(default_factory=dict)
    """Over each service's own defaults from the registry, by field name."""

    architecture: Architecture = "arm64"
    dependency_layer: bool = True
    memory_mb: int = 512
    migration_timeout_minutes: int = 14

    visibility_factor: int = 6
    """Queue visibility in function timeouts; AWS advises 6, so that throttled polls do not count as deliveries."""
    max_receive_count: int = 5
    """Deliveries of a message before it goes to the dead-letter queue."""
    queue_retention_days: int = 4
    dead_letter_retention_days: int = 14

    network: Network | ExistingNetwork | None = None
    """The VPC the functions run in; None is none, which needs no NAT gateway, for a database that is reached by TLS."""
    database: Aurora | None = None
    """The stack's own database, which needs a network; None is any Postgres, by the secret that an operator makes."""
    secret_port: int = 5432
    """Where a database by secret listens: a function in a VPC may go there."""
    secret_connections: int = 100
    """How many connections a database by secret has for the functions: its max_connections, less what others take."""

    jwt_issuer: str = ""
    """Issuer of the tokens that the curation API accepts, https://…; empty means IAM."""
    jwt_audience: tuple[str, ...] = ()
    """Audiences, one of which a token must be for."""
    api_requests_per_second: float = 50
    api_burst: int = 100
    """Requests beyond which the curation API answers 429."""

    log_level: str = "INFO"
    log_retention: RetentionDays = RetentionDays.ONE_MONTH
    log_removal: RemovalPolicy = RemovalPolicy.DESTROY
    termination_protection: bool = False

    alarms: Alarms = field(default_factory=Alarms)
    metric_math: bool = True
    """Whether alarms may compute with several metrics; the emulated AWS cannot."""
    saved_queries: bool = True
    """Whether Logs Insights queries are saved; the emulated AWS refuses their type."""
    checked: bool = True
    """Whether cdk-nag's AwsSolutions rules must pass at synth."""

    @property
    def stack(self) -> str:
        """The stack's name, and the start of its functions' names."""
        return f"scrapersky-{self.name}"

    @property
    def authorization(self) -> Literal["AWS_IAM", "JWT"]:
        """How the curation API knows who calls."""
        return "JWT" if self.jwt_issuer else "AWS_IAM"

    @property
    def database_secret(self) -> str:
        """Name of the secret with the database's address and password; an operator makes it before the first deploy,
        unless the database is the stack's own."""
        return f"scrapersky/{self.name}/database"

    @property
    def database_port(self) -> int:
        """Where the database listens."""
        return self.database.port if self.database else self.secret_port

    @property
    def database_connections(self) -> int:
        """How many connections the functions may have open together."""
        return self.database.connections if self.database else self.secret_connections

    @property
    def places_secret(self) -> str:
        """Name of the secret that holds the Google Places API key."""
        return f"scrapersky/{self.name}/google-places"

    @property
    def proxy_secret(self) -> str:
        """Name of the secret that holds the proxy API's key; needed only where ``WEB_PROXY`` is not ``never``."""
        return f"scrapersky/{self.name}/proxy"


DEV = Stage(name="dev")

PROD = Stage(
    name="prod",
    log_retention=RetentionDays.SIX_MONTHS,
    log_removal=RemovalPolicy.RETAIN,
    termination_protection=True,
)

# The same stack on an emulated AWS on this machine. The emulator runs a function as a process of the environment that
# started it, which has the dependencies already (built for this machine, where a layer would be for Lambda's): hence no
# dependency layer. Seconds stand where a stage in the cloud has minutes, so that one run shows failure and recovery.
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
        handoff_deep_scan_to_domain_extraction="auto",
        handoff_domain_extraction_to_metadata="auto",
        handoff_metadata_to_submission="auto",
        handoff_discovery_to_import="auto",
    ),
    service_settings={"max_instances": 3},
    architecture="arm64" if platform.machine().lower() in {"arm64", "aarch64"} else "x86_64",
    dependency_layer=False,
    migration_timeout_minutes=2,
    visibility_factor=1,
    max_receive_count=2,
    log_retention=RetentionDays.ONE_DAY,
    metric_math=False,
    saved_queries=False,
    checked=False,
)

STAGES: Mapping[str, Stage] = {stage.name: stage for stage in (DEV, PROD, LOCAL)}
DEPLOYED = ("dev", "prod")
"""What is synthesized unless a stage is named."""
