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
    """Availability zones. More than two need :attr:`Stage.account` and :attr:`Stage.region`."""
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
    deletion_protection: bool = False
    """Whether AWS refuses to delete the cluster. Set it after the first deployment, whose failure deletes the cluster."""
    removal: RemovalPolicy = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
    """What happens to the data when the stack is destroyed. The rollback of a failed creation deletes it in any case."""

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
    account: str = ""
    region: str = ""
    """AWS account and region. Empty: those of the credentials that deploy, whichever they are."""
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
    console_client_id: str = ""
    """Client of the console at the issuer, where ``scripts/scrapersky console`` logs its user in: public, with PKCE."""
    api_requests_per_second: float = 50
    api_burst: int = 100
    """Throttle of the curation API: beyond it, requests are answered with 429."""

    reserved_concurrency: bool = True
    """Whether the curation API and the function dead-letter have reserved concurrency, and so a limit of connections.

    False in an account whose quota of concurrent executions is too small: AWS keeps 100 of it unreserved.
    """

    log_level: Literal["DEBUG", "INFO"] = "INFO"
    """Least level of log lines. Above INFO, Lambda would drop transitions and metrics."""
    tracing: bool = False
    """Whether AWS X-Ray traces the invocations. Traces cost money."""
    alarm_email: str = ""
    """Address that receives the alarms, after its owner has confirmed AWS's message."""
    log_retention: RetentionDays = RetentionDays.ONE_MONTH
    log_removal: RemovalPolicy = RemovalPolicy.DESTROY
    termination_protection: bool = False

    alarm_thresholds: AlarmThresholds = field(default_factory=AlarmThresholds)
    composite_alarms: bool = True
    """Whether to create composite alarms and alarms on metric math. The emulated AWS supports neither."""
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
        """Return the name of the secret with the database's address and the password of the functions' role.

        An operator creates it before the first deployment, unless the stack creates the database.
        """
        return f"scrapersky/{self.name}/database"

    @property
    def database_owner_secret(self) -> str:
        """Return the name of the secret with the user and password of the tables' owner, which only migrations use."""
        return f"{self.database_secret}-owner"

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
