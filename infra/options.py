"""What a stage may choose beside its settings: its alarms' thresholds, its network, its own database."""

from dataclasses import dataclass

from aws_cdk import RemovalPolicy


@dataclass(frozen=True, kw_only=True)
class Alarms:
    """From where on somebody is woken. What each alarm means and what to do stands in docs/runbook.md."""

    oldest_queued_seconds: int = 900
    """Age of the oldest due record of a workflow; its absence wakes too, because then no tick came."""
    stuck_beyond_lease_seconds: int = 900
    """Life of an attempt beyond the longest lease, when recovery must have taken it long ago."""
    error_percent: float = 50
    """Of the records that ended: a crawl of small businesses' websites has many dead ones, a deploy that broke has all."""
    error_minimum: int = 10
    """Errors below which their share says nothing."""
    ratio_minutes: int = 15
    idle_minutes: int = 15
    """Twice this long with something due and nothing done wakes somebody."""
    timeout_percent: float = 90
    """Of a function's timeout, for the slowest hundredth of its invocations."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A VPC of the stack's own. Its cost is that of its NAT gateways and endpoints: ``scripts/cost``."""

    cidr: str = "10.0.0.0/16"
    private_mask: int = 22
    """Size of each private subnet: a function's instances share one address a security group, Aurora takes a few."""
    zones: int = 2
    nat_gateways: int = 1
    """One is a single point of failure and half the price; as many as ``zones`` survive the loss of a zone."""
    endpoints: tuple[str, ...] = ()
    """Services reached without NAT, such as ``sqs`` and ``secretsmanager``; each costs by the hour and zone."""


@dataclass(frozen=True, kw_only=True)
class ExistingNetwork:
    """Somebody else's VPC, such as the one in which the database stands. Its private subnets need a way out (NAT)."""

    vpc_id: str
    zones: tuple[str, ...]
    private_subnets: tuple[str, ...]
    """One for each of ``zones``, in their order."""


@dataclass(frozen=True, kw_only=True)
class Aurora:
    """A database of the stack's own: Aurora PostgreSQL Serverless v2. An ACU is 2 GB of memory with its processor."""

    min_acu: float = 0.5
    """0 lets it pause when nobody is connected: worth it where ticks are rare, as each one wakes it (15 s)."""
    max_acu: float = 4
    pause_after_minutes: int = 10
    """Without a connection, when ``min_acu`` is 0. Functions that ticked lately still hold theirs."""
    port: int = 5433
    """Not Postgres' own, which cdk-nag refuses because everybody tries it first."""
    readers: int = 0
    """One more makes a failure of a zone a matter of seconds, and costs as much as the writer."""
    backup_days: int = 7
    """How far back the database can be restored to any second."""
    password_days: int = 30
    """Between two changes of its password."""
    deletion_protection: bool = True
    removal: RemovalPolicy = RemovalPolicy.RETAIN
    """What destroying the stack does with the data."""

    @property
    def connections(self) -> int:
        """Its max_connections, a little less: AWS gives about 189 an ACU of the largest size, and no more than 2,000 to one
        that may shrink below a whole ACU (Aurora User Guide, "Maximum connections for Aurora Serverless v2")."""
        return min(int(180 * self.max_acu), 2_000 if self.min_acu < 1 else 5_000)
