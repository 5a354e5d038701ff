"""The API's map searches: adding, the estimate of a dry run, a CSV file, the list, and the progress of one."""

from typing import Any

import pytest
from sqlalchemy import Connection, text

from scrapersky.runtime.registry import PLACE_SEARCH
from scrapersky.status.budget import spend
from tests.integration.api import Api

BAKERIES = {"text": "bakeries", "area": "Riverside"}


def searches(connection: Connection) -> list[tuple[Any, ...]]:
    """Return text, area, status and label of each search."""
    rows = connection.execute(text("SELECT text, area, status, label FROM place_searches ORDER BY id"))
    return [tuple(row) for row in rows]


def test_a_search_added_as_selected_is_queued_with_its_label(api: Api, connection: Connection) -> None:
    body = {"text": " the  bakeries", "area": " Riverside ", "label": "spring", "curation_status": "Selected"}
    answer = api.post("/place-searches", body)
    assert answer.status == 201
    assert (answer.json["results"][0]["result"], answer.json["counts"]) == ("queued", {"queued": 1})
    assert searches(connection) == [("the bakeries", "Riverside", "Queued", "spring")]
    again = api.post("/place-searches", body).json
    assert (again["results"][0]["result"], again["calls_at_most"]) == ("exists", 0)


def test_a_dry_run_adds_nothing_and_shows_the_most_calls_and_their_price(api: Api, connection: Connection) -> None:
    api.post("/place-searches", {"text": "dentists", "area": "Riverside"})
    rows = [BAKERIES, {"text": "dentists", "area": "Riverside"}, {"text": "x", "area": "1,2,3"}]
    answer = api.post("/place-searches/bulk", {"place_searches": rows, "dry_run": True}).json
    assert answer["counts"] == {"created": 1, "exists": 1, "refused": 1}
    assert (answer["dry_run"], answer["calls_at_most"], answer["dollars_at_most"]) == (True, 200, 6.4)
    assert len(searches(connection)) == 1
    one = api.post("/place-searches", {**BAKERIES, "dry_run": True, "curation_status": "Selected"}).json
    assert (one["results"][0]["result"], one["calls_at_most"]) == ("queued", 200)
    assert len(searches(connection)) == 1


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"text": "   ", "area": "Riverside"}, 409, "it is blank"),
        ({"text": "x", "area": "91,0,92,1"}, 409, "from -90 to 90"),
        ({"text": "x", "area": "..."}, 409, "write the name of a town"),
        ({"text": "x" * 201, "area": "Riverside"}, 422, "200"),
        ({"text": "x"}, 422, "required"),
    ],
)
def test_a_search_that_cannot_be_valid_is_refused_with_the_reason(
    api: Api, connection: Connection, body: dict[str, str], status: int, words: str
) -> None:
    answer = api.post("/place-searches", body)
    assert answer.status == status
    assert words in str(answer.json)
    assert searches(connection) == []


def test_a_csv_file_gives_searches_with_their_labels(api: Api, connection: Connection) -> None:
    file = 'label;Text;area;note\nspring;bakeries;Riverside;x\n;dentists;"33.9,-117.5,34,-117.3";\n;;Riverside;\n;cafes;1,2;\n'
    sent: dict[str, Any] = {"headers": {"content-type": "text/csv"}}
    dry = api.send("POST", "/place-searches/csv", file, query={"dry_run": "true"}, **sent).json
    assert (dry["counts"], dry["calls_at_most"], searches(connection)) == ({"created": 2, "refused": 2}, 400, [])
    answer = api.send("POST", "/place-searches/csv", file, query={"curation_status": "Selected"}, **sent).json
    assert [(one["row"], one["result"]) for one in answer["results"]] == [
        (2, "queued"),
        (3, "queued"),
        (4, "refused"),
        (5, "refused"),
    ]
    assert searches(connection) == [
        ("bakeries", "Riverside", "Queued", "spring"),
        ("dentists", "33.9,-117.5,34,-117.3", "Queued", None),
    ]
    missing = api.send("POST", "/place-searches/csv", "text,town\nbakeries,Riverside\n", **sent)
    assert missing.json["results"][0]["why"] == "area: Field required"


def test_the_list_shows_searches_and_their_tiles_only_on_request(api: Api, connection: Connection) -> None:
    root = api.post("/place-searches", BAKERIES).json["results"][0]["id"]
    columns = "text, area, tile, parent_id, root_id"
    tile = f"INSERT INTO place_searches ({columns}) SELECT text, area, 'a', id, id FROM place_searches"
    connection.execute(text(tile))
    listed = {
        "default": api.get("/place-searches"),
        "tiles": api.get("/place-searches", is_tile="true"),
        "of one": api.get("/place-searches", root_id=root),
        "by name": api.get("/place-searches", search="BAKERIES in"),
    }
    names = {name: [one["name"] for one in answer.json["items"]] for name, answer in listed.items()}
    search, part = "bakeries in Riverside", "bakeries in Riverside, tile a"
    assert names == {"default": [search], "tiles": [part], "of one": [part], "by name": [search]}


def test_one_search_is_shown_with_its_progress(api: Api, connection: Connection) -> None:
    root = api.post("/place-searches", {**BAKERIES, "curation_status": "Selected"}).json["results"][0]["id"]
    for statement in (
        "INSERT INTO place_searches (text, area, tile, parent_id, root_id) SELECT text, area, 'a', id, id FROM place_searches",
        "INSERT INTO places (place_id, deep_scan_status) VALUES ('x', 'Queued'), ('y', 'New'), ('z', 'New')",
        "INSERT INTO places_found (search_id, place_id) SELECT :root, id FROM places WHERE place_id <> 'z'",
    ):
        connection.execute(text(statement), {"root": root} if ":root" in statement else {})
    for _ in range(4):
        spend(connection, "places", f"{PLACE_SEARCH.name}:{root}", per_day=9, per_record=9)
    [tile] = api.get("/place-searches", root_id=root).json["items"]
    for shown in (root, tile["id"]):
        assert api.get(f"/place-searches/{shown}").json["progress"] == {
            "records": {"Queued": 1, "New": 1},
            "places": {"Queued": 1, "New": 1},
            "calls": 4,
        }


def test_a_search_is_repeated_by_requeue_or_by_a_decision(api: Api, connection: Connection) -> None:
    root = api.post("/place-searches", BAKERIES).json["results"][0]["id"]
    moved = api.post("/place-searches/requeue", {"ids": [root], "reason": "a new month"})
    assert moved.json["count"] == 1
    api.post("/place-searches/cancel", {"filter": {"text": "bakeries"}, "reason": "not yet"})
    assert searches(connection)[0][2] == "New"
    api.post("/place-searches/curation", {"ids": [root], "curation_status": "Selected", "reason": "go"})
    assert searches(connection)[0][2] == "Queued"
