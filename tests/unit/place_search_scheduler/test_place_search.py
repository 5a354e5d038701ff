"""The search of one rectangle, with a fake Places API on loopback."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from place_search_scheduler.place_search import FIELD_MASK, VIEWPORT_MASK, search_places
from scrapersky.areas import Rectangle
from scrapersky.errors import Permanent
from scrapersky.models import PlaceSearch
from scrapersky.runtime.outcomes import Done, Fail, Outcome, Retry, Snooze
from scripts.commands.run.internet import town
from scripts.commands.run.internet.places import FIELDS, HOST, PlacesApi, known
from scripts.commands.run.internet.website import Answer, Request, redirect
from tests.jobs import Answers, run_job

KEY = "AIzaTestKey-0123456789"
WHOLE_SIDES = [town.SOUTH, town.WEST, town.NORTH, town.EAST]
WHOLE = str(Rectangle(*WHOLE_SIDES))


def town_of(shops: int) -> PlacesApi:
    """Return the API of a town with so many shops."""
    return PlacesApi(known(town.with_shops([], shops)), KEY)


def search(directory: Path, api: PlacesApi | Callable[[Request], Answer], **record: Any) -> Outcome:
    """Return the outcome of a search for shops in the whole town, unless ``record`` says otherwise."""
    given = {
        "id": 1,
        "rectangle": WHOLE_SIDES if record.get("tile") else None,
        "text": "shops",
        "area": WHOLE,
        "tile": "",
        "tenant": "default",
        "is_split": False,
    } | record
    website = api if isinstance(api, PlacesApi) else Answers(api)
    settings: dict[str, Any] = {"places_secret": "places", "place_search_max_splits": 2}
    return run_job(search_places, PlaceSearch(**given), {HOST: website}, directory, secrets={"places": KEY}, **settings)


def error(status: int, word: str, message: str, field: str | None = None) -> Callable[[Request], Answer]:
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": field}]}]
    body = json.dumps({"error": {"code": status, "message": message, "status": word, "details": details}})
    return lambda _: Answer(status, body.encode(), {"Content-Type": "application/json"})


def test_the_masks_name_fields_of_the_api() -> None:
    for path in f"{FIELD_MASK},{VIEWPORT_MASK}".split(","):
        assert path == "nextPageToken" or path.removeprefix("places.") in FIELDS


@pytest.mark.parametrize(
    ("shops", "calls", "code"),
    [(0, 1, "searched"), (20, 1, "searched"), (21, 2, "searched"), (59, 3, "searched"), (60, 3, "split")],
)
def test_a_search_reads_as_many_pages_as_there_are(tmp_path: Path, shops: int, calls: int, code: str) -> None:
    api = town_of(shops)
    outcome = search(tmp_path, api)
    assert isinstance(outcome, Done)
    assert (outcome.code, outcome.detail["places"], api.calls["search"]) == (code, shops, calls)


def test_a_rectangle_that_may_not_be_divided_again_is_reported_as_full(tmp_path: Path) -> None:
    outcome = search(tmp_path, town_of(150), tile="tad")
    assert isinstance(outcome, Done)
    assert outcome.code == "full"


def test_a_town_costs_one_call_that_finds_its_rectangle(tmp_path: Path) -> None:
    api = town_of(150)
    outcome = search(tmp_path, api, area="riverside")
    assert isinstance(outcome, Done)
    assert (outcome.code, api.calls["search"]) == ("located", 1)


@pytest.mark.parametrize("area", ["Atlantis", "Ada's Bakery"])
def test_a_name_that_is_no_town_is_the_searchs_own_error(tmp_path: Path, area: str) -> None:
    outcome = search(tmp_path, town_of(150), area=area)
    assert isinstance(outcome, Fail)
    assert outcome.code == "no_such_area"


def test_a_search_that_is_divided_makes_no_call(tmp_path: Path) -> None:
    api = town_of(150)
    outcome = search(tmp_path, api, is_split=True)
    assert isinstance(outcome, Done)
    assert (outcome.code, api.calls.total()) == ("split", 0)


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"text": " "}, "bad_text"),
        ({"text": "x" * 201}, "bad_text"),
        ({"area": "1,2,3"}, "bad_area"),
        ({"tile": "ta", "rectangle": None}, "no_rectangle"),
    ],
)
def test_a_search_that_cannot_be_valid_makes_no_call(tmp_path: Path, record: dict[str, str], code: str) -> None:
    api = town_of(1)
    outcome = search(tmp_path, api, **record)
    assert isinstance(outcome, Fail)
    assert (outcome.code, api.calls.total()) == (code, 0)


@pytest.mark.parametrize(
    ("message", "field", "code"),
    [
        ("Invalid text_query.", None, "bad_text"),
        ("Request contains an invalid argument.", "text_query", "bad_text"),
        ("Request contains an invalid argument.", "location_restriction.rectangle", "bad_area"),
        ("Invalid page_token.", None, "places_page_token"),
        ("Cannot find matching fields for path 'places.nonsense'", None, "places_denied"),
    ],
)
def test_only_an_error_that_would_meet_every_search_pauses_the_workflow(
    tmp_path: Path, message: str, field: str | None, code: str
) -> None:
    outcome = search(tmp_path, error(400, "INVALID_ARGUMENT", message, field))
    assert isinstance(outcome, Fail | Retry | Snooze)
    assert outcome.code == code
    assert isinstance(outcome, Snooze) == (code == "places_denied")


def test_a_wrong_key_and_a_spent_quota_pause_the_workflow(tmp_path: Path) -> None:
    wrong = PlacesApi({}, "another-key")
    for api, code in ((wrong, "places_key_invalid"), (PlacesApi({}, KEY, quota=0), "places_quota_day")):
        outcome = search(tmp_path, api)
        assert isinstance(outcome, Snooze)
        assert (outcome.code, outcome.pause) == (code, True)


def test_the_search_of_a_tile_pays_its_calls(tmp_path: Path) -> None:
    charged: list[object] = []

    async def spend(budget: str, record: object) -> None:
        charged.append((budget, record))
        if len(charged) > 2:
            raise Permanent("budget_of_the_record", "spent")

    api = town_of(150)
    tile = PlaceSearch(
        id=9, root_id=4, text="shops", area=WHOLE, tile="a", rectangle=WHOLE_SIDES, tenant="default", is_split=False
    )
    with pytest.raises(Permanent):
        run_job(search_places, tile, {HOST: api}, tmp_path, secrets={"p": KEY}, spend=spend, places_secret="p")
    assert charged == [("places", 4)] * 3
    assert api.calls["search"] == 2


def test_an_answer_of_another_shape_finds_nothing(tmp_path: Path) -> None:
    odd = {"places": [None, 1, {"id": 7}, {"id": "../x"}, {"id": "ChIJ1", "displayName": "x", "location": [1]}]}
    outcome = search(tmp_path, lambda _: Answer(200, json.dumps(odd).encode()))
    assert isinstance(outcome, Done)
    assert outcome.detail["places"] == 2


def test_a_redirect_of_the_api_is_not_followed_with_the_search_in_its_body(tmp_path: Path) -> None:
    asked: list[Request] = []

    def elsewhere(request: Request) -> Answer:
        asked.append(request)
        return Answer(200, b"{}")

    websites = {HOST: Answers(lambda _: redirect("https://other.example/", 307)), "other.example": Answers(elsewhere)}
    record = PlaceSearch(id=1, text="shops", area=WHOLE, tile="", tenant="default", is_split=False)
    outcome = run_job(search_places, record, websites, tmp_path, secrets={"p": KEY}, places_secret="p")
    assert isinstance(outcome, Retry)
    assert (outcome.code, asked) == ("bad_response", [])
