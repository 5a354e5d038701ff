"""Alarm thresholds. ``infra/alarms.py`` defines the alarms; ``docs/runbook.md`` says what to do about each."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AlarmThresholds:
    """Thresholds of one stage. A stage in ``infra/config.py`` can replace these defaults."""

    oldest_queued_seconds: int = 900
    """*Queued too long*: age of a workflow's oldest due record. The alarm also fires without a value: no tick ran."""
    error_percent: float = 50
    """*Error ratio*: share of the finished records. Some websites are always dead; after a broken deployment all fail."""
    error_minimum: int = 10
    """*Error ratio*: number of errors below which the share is not evaluated."""
    ratio_minutes: int = 15
    """*Error ratio*: period over which records are counted."""
    idle_minutes: int = 15
    """*No progress*: fires after two periods of this length with due records and none finished."""
    history_overdue_days: float = 2
    """*History not deleted*: age of the oldest ended attempt beyond ``HISTORY_DAYS``."""
    housekeeping_overdue_days: float = 2
    """*Storage limits not applied*: age of the oldest row beyond its limit. It also fires without a value."""
    connections_percent: float = 80
    """*Database*: connections of all clients, as a share of ``max_connections``."""
    capacity_percent: float = 90
    """*Database*: capacity in use, as a share of ``max_acu``."""
    free_storage_bytes: float = 2 * 2**30
    """*Database*: local storage that is left for sorting and for temporary tables; it does not grow with the data."""
    transaction_ids: float = 1_000_000_000
    """*Database*: age of the oldest transaction id. Autovacuum forces a vacuum at 200 million; writing stops at 2 billion."""
