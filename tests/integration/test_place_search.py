"""Map searches on a real database: tiles, budget, repetition, crashes and pauses, with a fake Places API."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from scrapersky.areas import Rectangle
from scrapersky.protection.housekeeping import apply, rules
from scrapersky.runtime.background_service import BackgroundService
from scrapersky.runtime.registry import PLACE_SEARCH, PLACE_SEARCH_SCHEDULER
from scrapersky.settings import Settings
from scrapersky.status.claim import claim
from scrapersky.status.control import read_control, resume
from scrapersky.status.requeue import requeue
from scrapersky.vocabulary import RecordId
from scripts.commands.run.internet import town
from scripts.commands.run.internet.places import HOST, PlacesApi, known
from scripts.commands.run.internet.server import Internet
from scripts.commands.run.internet.website import Answer, Request
from tests.integration.conftest import message
from tests.integration.lambda_context import LambdaContext

KEY = "test-key"
WHOLE = Rectangle(town.SOUTH, town.WEST, town.NORTH, town.EAST)


class Town(PlacesApi):
    """The town of 150 shops. ``fails_at`` are the numbers of the calls that are answered with a 500."""

    fails_at: frozenset[int] = frozenset()

    def answer(self, request: Request) -> Answer:
        """Answer as the API does, or fail."""
        answer = super().answer(request)
        return Answer(500) if self.calls.total() in self.fails_at else answer


@pytest.fixture
def api() -> Town:
    return Town(known(town.with_shops([])), KEY)


Search = Callable[[], None]


@pytest.fixture
def working(environment: dict[str, str], api: Town, connection: Connection, tmp_path: Path) -> Callable[..., Any]:
    """Return ``working(**settings)``, a block in which the service exists; it yields a function that drains its queue."""

    @contextmanager
    def run(**settings: str) -> Iterator[Search]:
        with Internet.start({HOST: api}, tmp_path) as internet:
            own = {
                "PLACES_SECRET": "places",
                "WEB_LOOPBACK_INTERNET": str(internet.file),
                "RETRY_BASE_SECONDS": "0.001",
            }
            service = BackgroundService(PLACE_SEARCH_SCHEDULER, {}, environment | own | settings, lambda *_, **__: KEY)

            def drain() -> None:
                while claimed := claim(connection, PLACE_SEARCH, batch=10, max_in_flight=50, dispatch_lease=60):
                    records = [message(one.attempt_id, PLACE_SEARCH.name) for one in claimed]
                    service.handler({"Records": records}, LambdaContext())

            yield drain
            service.runtime.database.engine.dispose()

    return run


def add(connection: Connection, area: str = town.NAME) -> int:
    """Queue a search for shops; return its id."""
    statement = "INSERT INTO place_searches (text, area, status) VALUES ('shops', :area, 'Queued') RETURNING id"
    return int(connection.execute(text(statement), {"area": area}).scalar_one())


def one(connection: Connection, sql: str) -> Any:
    """Return the value that ``sql`` selects."""
    return connection.execute(text(sql)).scalar_one()


def unfinished(connection: Connection) -> int:
    """Return how many searches and tiles are not Completed."""
    return int(one(connection, "SELECT count(*) FROM place_searches WHERE status <> 'Completed'"))


@pytest.mark.parametrize(
    "area",
    [
        town.NAME,
        str(WHOLE),
        str(Rectangle(WHOLE.south - 1, WHOLE.west - 2, WHOLE.north + 3, WHOLE.east + 0.4)),
        str(Rectangle(WHOLE.south - 0.02, WHOLE.west - 0.01, WHOLE.north + 0.2, WHOLE.east + 0.3)),
    ],
)
def test_every_shop_of_the_town_is_found_once_within_the_budget_whatever_the_tiles(
    working: Callable[..., Any], api: Town, connection: Connection, area: str
) -> None:
    search = add(connection, area)
    with working() as drain:
        drain()
    assert unfinished(connection) == 0
    assert one(connection, "SELECT count(*) FROM places") == town.SHOPS
    assert one(connection, f"SELECT count(*) FROM places_found WHERE search_id = {search}") == town.SHOPS
    assert one(connection, "SELECT bool_and(search_query LIKE 'shops in %' AND name IS NOT NULL) FROM places")
    paid = one(connection, f"SELECT calls FROM paid_calls WHERE key = 'place_search:{search}'")
    assert paid == one(connection, "SELECT calls FROM paid_calls WHERE key = ''") == api.calls["search"] < 60
    leaves = "SELECT count(*) FROM place_searches WHERE NOT is_split AND places_found < 60"
    assert one(connection, leaves) == one(connection, "SELECT count(*) FROM place_searches WHERE NOT is_split")


def test_a_repeated_search_calls_its_leaves_only_and_adds_what_is_new(
    working: Callable[..., Any], api: Town, connection: Connection
) -> None:
    search = add(connection)
    with working() as drain:
        drain()
        first = api.calls["search"]
        api.places = known(town.with_shops([], town.SHOPS + 5))
        requeue(connection, PLACE_SEARCH, actor="test", reason="again", limit=9, ids=[RecordId(search)])
        drain()
    leaves = one(connection, "SELECT count(*) FROM place_searches WHERE NOT is_split")
    assert unfinished(connection) == 0
    assert leaves <= api.calls["search"] - first <= 3 * leaves < first
    assert one(connection, "SELECT count(*) FROM places") == town.SHOPS + 5


def test_what_google_says_of_a_town_is_kept_for_a_time_only_and_asked_again(
    working: Callable[..., Any], api: Town, connection: Connection
) -> None:
    search = add(connection)
    with working() as drain:
        drain()
    rectangles = text("SELECT tile, rectangle FROM place_searches ORDER BY id")
    before = connection.execute(rectangles).all()
    connection.execute(text("UPDATE place_searches SET located_at = located_at - interval '31 days'"))
    rule = next(one for one in rules(Settings()) if one.name == "place_searches")
    assert apply(connection, rule, lambda: True) == len(before) - 1
    assert [sides for _, sides in connection.execute(rectangles)] == [None] * len(before)
    api.calls.clear()
    requeue(connection, PLACE_SEARCH, actor="test", reason="again", limit=9, ids=[RecordId(search)])
    with working() as drain:
        drain()
    assert unfinished(connection) == 0
    assert connection.execute(rectangles).all() == before
    assert api.calls["search"] <= 1 + 3 * one(connection, "SELECT count(*) FROM place_searches WHERE NOT is_split")


def test_another_search_that_finds_a_place_is_kept_with_it(working: Callable[..., Any], connection: Connection) -> None:
    add(connection)
    other = "INSERT INTO place_searches (text, area, status) VALUES ('bakeries', 'Riverside', 'Queued')"
    connection.execute(text(other))
    with working() as drain:
        drain()
    assert one(connection, "SELECT count(*) FROM places") == town.SHOPS
    found = "SELECT count(*) FROM (SELECT FROM places_found GROUP BY place_id HAVING count(*) = 2) AS twice"
    assert one(connection, found) == len(town.OWNERS)


def test_a_failure_repeats_at_most_the_calls_of_one_tile(
    working: Callable[..., Any], api: Town, connection: Connection
) -> None:
    add(connection, str(WHOLE))
    with working() as drain:
        drain()
    undisturbed = api.calls["search"]
    for table in ("places_found", "places", "attempts", "place_searches", "paid_calls"):
        connection.execute(text(f"DELETE FROM {table}"))
    api.calls.clear()
    api.fails_at = frozenset([9])
    search = add(connection, str(WHOLE))
    with working() as drain:
        drain()
    assert unfinished(connection) == 0
    assert undisturbed < api.calls["search"] <= undisturbed + 3
    assert one(connection, f"SELECT calls FROM paid_calls WHERE key = 'place_search:{search}'") == api.calls["search"]
    assert one(connection, "SELECT count(*) FROM places") == town.SHOPS


def test_the_tiles_share_the_budget_of_their_search(
    working: Callable[..., Any], api: Town, connection: Connection
) -> None:
    add(connection)
    with working(PLACE_SEARCH_CALLS_PER_SEARCH="6") as drain:
        drain()
    assert api.calls["search"] == 6
    codes = "SELECT DISTINCT error_code FROM place_searches WHERE status = 'Error'"
    assert one(connection, codes) == "budget_of_the_record"


@pytest.mark.parametrize(
    ("quota", "budget", "code"), [(5, "1000", "places_quota_day"), (None, "5", "budget_of_the_day")]
)
def test_the_end_of_the_days_quota_pauses_the_search_which_then_goes_on(
    working: Callable[..., Any], api: Town, connection: Connection, quota: int | None, budget: str, code: str
) -> None:
    add(connection)
    api.quota = quota
    with working(PLACES_CALLS_PER_DAY=budget) as drain:
        drain()
    assert api.calls["search"] == 5
    control = read_control(connection, PLACE_SEARCH)
    assert control.paused
    assert code in (control.pause_reason or "")
    api.quota = None
    resume(connection, PLACE_SEARCH, actor="test", reason="a new day")
    connection.execute(text("DELETE FROM paid_calls"))
    connection.execute(text("UPDATE place_searches SET due_at = now() WHERE status = 'Queued'"))
    with working() as drain:
        drain()
    assert unfinished(connection) == 0
    assert one(connection, "SELECT count(*) FROM places") == town.SHOPS


def test_the_places_are_queued_for_their_deep_scan_if_the_policy_says_so(
    working: Callable[..., Any], connection: Connection
) -> None:
    add(connection)
    connection.execute(text("INSERT INTO places (place_id, deep_scan_status) VALUES ('ChIJtown_shop_7', 'New')"))
    with working(HANDOFF_PLACE_SEARCH_TO_DEEP_SCAN="auto") as drain:
        drain()
    assert one(connection, "SELECT count(*) FROM places WHERE deep_scan_status = 'Queued'") == town.SHOPS
    events = "SELECT DISTINCT reason FROM status_events WHERE workflow = 'deep_scan' AND to_status = 'Queued'"
    assert one(connection, events) == "handed off by place_search"


def test_the_label_is_carried_to_the_tiles_and_places_and_replaces_no_other(
    working: Callable[..., Any], connection: Connection
) -> None:
    known_before = "INSERT INTO places (place_id, label) VALUES ('ChIJtown_shop_7', NULL), ('ChIJtown_shop_8', 'mine')"
    connection.execute(text(known_before))
    add(connection)
    connection.execute(text("UPDATE place_searches SET label = 'spring'"))
    with working() as drain:
        drain()
    assert one(connection, "SELECT DISTINCT label FROM place_searches") == "spring"
    assert one(connection, "SELECT count(*) FROM places WHERE label = 'spring'") == town.SHOPS - 1
    assert one(connection, "SELECT label FROM places WHERE place_id = 'ChIJtown_shop_8'") == "mine"


def test_a_wrong_area_is_its_searchs_own_error(working: Callable[..., Any], connection: Connection) -> None:
    add(connection, "Atlantis")
    add(connection)
    with working() as drain:
        drain()
    rows = "SELECT area, error_code FROM place_searches WHERE status = 'Error'"
    assert connection.execute(text(rows)).one() == ("Atlantis", "no_such_area")
    assert not read_control(connection, PLACE_SEARCH).paused
    assert one(connection, "SELECT count(*) FROM places") == town.SHOPS
