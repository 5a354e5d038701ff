"""What a hand in the database does beside the watched fields: it starts a record afresh, or is found out."""

import pytest
from sqlalchemy import Connection, text

from scrapersky.service.registry import METADATA
from scrapersky.status.claim import claim
from scrapersky.status.finish import fail
from scrapersky.status.invariants import count_cheap_breaches, find_breaches

pytestmark = pytest.mark.usefixtures("invariants_hold")


def held(connection: Connection) -> int:
    """The live attempt of the only domain."""
    connection.execute(text("INSERT INTO domains (domain, status) VALUES ('a.test', 'Queued')"))
    (one,) = claim(connection, METADATA, batch=1, max_in_flight=1, dispatch_lease=60)
    return one.attempt_id


def test_a_record_queued_by_hand_has_all_its_tries_again(connection: Connection) -> None:
    fail(connection, METADATA, held(connection), code="parked", reason="sold", detail={})
    assert connection.execute(text("SELECT failures FROM domains")).scalar_one() == 1
    connection.execute(text("UPDATE domains SET status = 'Queued'"))
    assert connection.execute(text("SELECT failures FROM domains")).scalar_one() == 0


@pytest.mark.usefixtures("left_broken")
@pytest.mark.parametrize(
    ("by_hand", "breach"),
    [
        ("UPDATE attempts SET finished_at = now(), outcome = 'released'", "processing_without_live_attempt"),
        ("DELETE FROM attempts", "processing_without_live_attempt"),
        ("DELETE FROM domains", "live_attempt_without_processing"),
    ],
)
def test_the_invariants_find_who_meddled_with_attempts(connection: Connection, by_hand: str, breach: str) -> None:
    held(connection)
    assert (find_breaches(connection, METADATA), count_cheap_breaches(connection, METADATA)) == ([], 0)
    connection.execute(text(by_hand))
    assert [found.breach for found in find_breaches(connection, METADATA)] == [breach]
    assert count_cheap_breaches(connection, METADATA) == (breach == "live_attempt_without_processing")
