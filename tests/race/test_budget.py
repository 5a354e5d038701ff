"""Two paid calls at once, of which the day's budget allows one."""

import pytest
from sqlalchemy import Connection, Engine, text

from scrapersky.status.budget import Spent, spend
from tests.race.race import race


@pytest.mark.parametrize("spent_before", [0, 1], ids=["the first calls of the day", "later calls"])
def test_of_two_calls_at_once_the_day_allows_only_one_that_fits(
    engine: Engine, connection: Connection, spent_before: int
) -> None:
    def call(key: str, connection: Connection) -> Spent:
        return spend(connection, "places", key, per_day=spent_before + 1, per_record=1)

    for _ in range(spent_before):
        call("earlier", connection)
    ended = race(engine, lambda first: call("a", first), lambda second: call("b", second))
    assert (ended.first, ended.second, ended.waited) == (Spent.ALLOWED, Spent.DAY_EXHAUSTED, True)
    charged = connection.execute(text("SELECT key, calls FROM paid_calls WHERE key IN ('', 'a')")).all()
    assert sorted(map(tuple, charged)) == [("", spent_before + 1), ("a", 1)]
    if spent_before:
        assert connection.execute(text("SELECT count(*) FROM paid_calls WHERE key = 'b'")).scalar_one() == 0
