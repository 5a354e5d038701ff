"""Budget: a paid call is counted in the database before it is made, so that no bug and no loop can outspend the day."""

from enum import Enum

from sqlalchemy import Connection, text

SPEND = text("""
WITH of_the_record AS (
    INSERT INTO paid_calls (budget, day, key, calls)
    SELECT :budget, (now() AT TIME ZONE 'UTC')::date, :key, 1 WHERE :per_record > 0
    ON CONFLICT (budget, day, key) DO UPDATE SET calls = paid_calls.calls + 1 WHERE paid_calls.calls < :per_record
    RETURNING calls
),
of_the_day AS (
    INSERT INTO paid_calls (budget, day, key, calls)
    SELECT :budget, (now() AT TIME ZONE 'UTC')::date, '', 1 FROM of_the_record WHERE :per_day > 0
    ON CONFLICT (budget, day, key) DO UPDATE SET calls = paid_calls.calls + 1 WHERE paid_calls.calls < :per_day
    RETURNING calls
)
SELECT (SELECT calls FROM of_the_record), (SELECT calls FROM of_the_day)
""")

SECONDS_LEFT = text("""
SELECT extract(epoch FROM
    (date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day') AT TIME ZONE 'UTC' - now())::float8
""")


class Spent(Enum):
    """What became of the wish to make a paid call."""

    ALLOWED = "allowed"  #: counted; make the call
    RECORD_EXHAUSTED = "record_exhausted"  #: this record had its calls today
    DAY_EXHAUSTED = "day_exhausted"  #: the day's calls are used up


def spend(connection: Connection, budget: str, key: str, *, per_day: int, per_record: int) -> Spent:
    """Counts one call of ``budget`` for the record ``key``, if both caps allow it. One statement; the day is UTC's."""
    of_the_record, of_the_day = connection.execute(
        SPEND, {"budget": budget, "key": key, "per_day": per_day, "per_record": per_record}
    ).one()
    if of_the_record is None:
        return Spent.RECORD_EXHAUSTED
    return Spent.ALLOWED if of_the_day is not None else Spent.DAY_EXHAUSTED


def seconds_left_today(connection: Connection) -> float:
    """Seconds until every budget starts anew (midnight UTC, by the database's clock)."""
    return float(connection.execute(SECONDS_LEFT).scalar_one())
