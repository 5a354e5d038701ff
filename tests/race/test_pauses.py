"""Two people pause a workflow at the same moment: the longer pause holds."""

import pytest
from sqlalchemy import Connection, Engine

from scrapersky.runtime.registry import METADATA
from scrapersky.status.control import list_pauses, pause
from tests.race.operations import Operation
from tests.race.race import race


def pausing(actor: str, seconds: float | None) -> Operation:
    return lambda connection: pause(connection, METADATA, actor=actor, reason=f"{actor}'s", seconds=seconds)


@pytest.mark.parametrize(
    ("first", "second", "holds"), [(60, 600, "eve"), (60, None, "eve"), (600, 60, "ada"), (None, 60, "ada")]
)
def test_of_two_pauses_at_the_same_moment_the_longer_one_holds(
    engine: Engine, connection: Connection, first: float | None, second: float | None, holds: str
) -> None:
    assert race(engine, pausing("ada", first), pausing("eve", second)).waited
    (held,) = list_pauses(connection, METADATA)
    assert (held["paused_by"], held["pause_reason"], held["resumed_at"]) == (holds, f"{holds}'s", None)
    assert (held["paused_until"] is None) is (None in (first, second))
