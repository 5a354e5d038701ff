"""What a stage consists of: the types that ``infra/config.py`` fills in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from aws_cdk import RemovalPolicy
from aws_cdk.aws_logs import RetentionDays

from infra.alarm_thresholds import AlarmThresholds
from infra.dependencies import Architecture
from scrapersky.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Network:
    """A VPC that the stack creates. Its NAT gateways and endpoints cost money: see ``scripts/scrapersky cost``."""

    cidr: str = "10.0.0.0/16"
    private_mask: int = 22
    """Prefix length of each private subnet. Instances of a function share one address per security group and subnet."""
    zones: int = 2
    nat_gateways: int = 1
    """One is cheap and a single point of failure; as many as ``zones`` survive the loss of a zone."""
    endpoints: tuple[str, ...] = ()
    """AWS services reached without NAT, such as ``sqs`` and ``secretsmanager``; each costs per hour and zone."""


@dataclass(frozen=True, kw_only=True)
class ExistingNetwork:
    """A VPC that already exists, such as the database's. Its private subnets need a route to the internet (NAT)."""

    vpc_id: str
    zones: tuple[str, ...]
    private_subnets: tuple[str, ...]
    """One per zone, in the order of ``zones``."""


@dataclass(frozen=True, kw_only=True)
class Aurora:
    """A database that the stack creates: Aurora PostgreSQL Serverless v2. One ACU is about 2 GB of memory plus CPU."""

    min_acu: float = 0.5
    """0 allows it to pause when no connection is open; only useful with rare ticks, as each tick resumes it (15 s)."""
    max_acu: float = 4
    pause_after_minutes: int = 10
    """Minutes without a connection before it pauses, if ``min_acu`` is 0. Warm functions keep their connections open."""
    port: int = 5433
    """Not Postgres' default, which cdk-nag rejects because port scanners try it first."""
    readers: int = 0
    """One reader makes failover after the loss of a zone a matter of seconds; it costs as much as the writer."""
    backup_days: int = 7
    """Days for which point-in-time recovery is possible."""
    password_days: int = 30
    """Days between rotations of the password."""
    deletion_protection: bool = True
    removal: RemovalPolicy = RemovalPolicy.RETAIN
    """What happens to the data when the stack is destroyed."""

    @property
    def connections(self) -> int:
        """Return the number of connections the functions may use: slightly below the database's ``max_connections``.

        AWS sets about 189 per ACU of the largest size, and at most 2,000 if the smallest size is below one ACU (Aurora
        User Guide, "Maximum connections for Aurora Serverless v2").
        """
        return min(int(180 * self.max_acu), 2_000 if self.min_acu < 1 else 5_000)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One deployment of the system. Units are in the fields' names."""

    name: str
    settings: Settings = field(default_factory=Settings)
    """Shared settings of the stage. Values equal to the default are not passed to the functions."""
    service_settings: Mapping[str, object] = field(default_factory=dict)
    """Overrides of every service's defaults in the registry, by field name of ``ServiceSettings``."""

    architecture: Architecture = "arm64"
    dependency_layer: bool = True
    memory_mb: int = 512
    migration_timeout_minutes: int = 14

    visibility_factor: int = 6
    """Visibility timeout of the queues, in function timeouts. AWS advises 6: throttled polls then do not count as receives."""
    max_receive_count: int = 5
    """Number of receives after which SQS moves a message to the dead-letter queue."""
    queue_retention_days: int = 4
    dead_letter_retention_days: int = 14

    network: Network | ExistingNetwork | None = None
    """VPC of the functions. None runs them outside any VPC, without NAT, for a database that is reachable over TLS."""
    database: Aurora | None = None
    """Database that the stack creates; requires ``network``. None uses any Postgres, through :attr:`database_secret`."""
    secret_port: int = 5432
    """Port of the database behind the secret; functions in a VPC may connect to it."""
    secret_connections: int = 100
    """Connections that the database behind the secret has for the functions: its max_connections minus other clients'."""

    jwt_issuer: str = ""
    """Issuer (https://…) of the tokens that the curation API accepts. Empty: callers sign their requests with IAM."""
    jwt_audience: tuple[str, ...] = ()
    """Accepted audiences; a token must be for one of them."""
    api_requests_per_second: float = 50
    api_burst: int = 100
    """Throttle of the curation API: beyond it, requests are answered with 429."""

    log_level: str = "INFO"
    log_retention: RetentionDays = RetentionDays.ONE_MONTH
    log_removal: RemovalPolicy = RemovalPolicy.DESTROY
    termination_protection: bool = False

    alarm_thresholds: AlarmThresholds = field(default_factory=AlarmThresholds)
    metric_math: bool = True
    """Whether to create alarms on metric math. The emulated AWS does not support it."""
    saved_queries: bool = True
    """Whether to create saved Logs Insights queries. The emulated AWS rejects their resource type."""
    cdk_nag: bool = True
    """Whether cdk-nag's AwsSolutions rules must pass at synth."""

    @property
    def stack(self) -> str:
        """Return the stack's name, which is also the prefix of its functions' names."""
        return f"scrapersky-{self.name}"

    @property
    def authorization(self) -> Literal["AWS_IAM", "JWT"]:
        """Return how the curation API authorizes its callers."""
        return "JWT" if self.jwt_issuer else "AWS_IAM"

    @property
    def database_secret(self) -> str:
        """Return the name of the secret with the database's address and password.

        An operator creates it before the first deployment, unless the stack creates the database.
        """
        return f"scrapersky/{self.name}/database"

    @property
    def database_port(self) -> int:
        """Return the port that the database listens on."""
        return self.database.port if self.database else self.secret_port

    @property
    def database_connections(self) -> int:
        """Return the number of connections that the functions may have open at the same time."""
        return self.database.connections if self.database else self.secret_connections

    @property
    def places_secret(self) -> str:
        """Return the name of the secret that holds the Google Places API key."""
        return f"scrapersky/{self.name}/google-places"

    @property
    def proxy_secret(self) -> str:
        """Return the name of the secret that holds the proxy API's key; required unless ``WEB_PROXY`` is ``never``."""
        return f"scrapersky/{self.name}/proxy"
