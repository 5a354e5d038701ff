"""Budgets: every paid call is counted in the database before it is made, so no bug can exceed the daily cap."""

from enum import Enum

from sqlalchemy import Connection, text

SPEND = text("""
-- Lock the count of the day (the row with the empty key), so that a call which the day refuses is not charged to the
-- record.
WITH today AS MATERIALIZED (
    SELECT calls FROM paid_calls WHERE budget = :budget AND day = (now() AT TIME ZONE 'UTC')::date AND key = ''
    FOR UPDATE
),
left_today AS MATERIALIZED (SELECT coalesce((SELECT calls FROM today), 0) < :per_day AS allowed),
-- Count the call for the record, unless the record is at its cap.
of_record AS (
    INSERT INTO paid_calls (budget, day, key, calls)
    SELECT :budget, (now() AT TIME ZONE 'UTC')::date, :key, 1 FROM left_today WHERE allowed AND :per_record > 0
    ON CONFLICT (budget, day, key) DO UPDATE SET calls = paid_calls.calls + 1 WHERE paid_calls.calls < :per_record
    RETURNING calls
),
-- Count it for the day only if the record was below its cap. A day's first calls have no row to lock above, so its cap
-- is checked again.
of_day AS (
    INSERT INTO paid_calls (budget, day, key, calls)
    SELECT :budget, (now() AT TIME ZONE 'UTC')::date, '', 1 FROM of_record
    ON CONFLICT (budget, day, key) DO UPDATE SET calls = paid_calls.calls + 1 WHERE paid_calls.calls < :per_day
    RETURNING calls
)
SELECT allowed, (SELECT calls FROM of_record), (SELECT calls FROM of_day) FROM left_today
""")

SECONDS_LEFT = text("""
SELECT extract(epoch FROM
    (date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day') AT TIME ZONE 'UTC' - now())::float8
""")


class Spent(Enum):
    """Whether a paid call may be made."""

    ALLOWED = "allowed"  #: counted; make the call
    RECORD_EXHAUSTED = "record_exhausted"  #: this record has used its calls of today
    DAY_EXHAUSTED = "day_exhausted"  #: today's calls are used up


def spend(connection: Connection, budget: str, key: str, *, per_day: int, per_record: int) -> Spent:
    """Count one call of ``budget`` for the record ``key`` in one statement, if both caps allow it. Days are UTC."""
    allowed, of_record, of_day = connection.execute(
        SPEND, {"budget": budget, "key": key, "per_day": per_day, "per_record": per_record}
    ).one()
    if allowed and of_record is None:
        return Spent.RECORD_EXHAUSTED
    return Spent.ALLOWED if of_day is not None else Spent.DAY_EXHAUSTED


def seconds_left_today(connection: Connection) -> float:
    """Return the seconds until the budgets are reset (midnight UTC, by the database's clock)."""
    return float(connection.execute(SECONDS_LEFT).scalar_one())
