"""Requeue and cancel by any filter: through the API, and in chunks from the command line."""

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text

from api.resources import RESOURCES
from scrapersky.runtime.registry import EXPORT, WORKFLOWS
from scripts.commands.scrapersky import by_filter
from scripts.commands.scrapersky.app import main
from tests.integration.api import Api, domains, row, seize
from tests.integration.test_command_line import invoked
from tests.lambda_endpoint import serving


@pytest.fixture
def shops(connection: Connection) -> list[int]:
    """Add seven shops, the even ones Queued, and a cafe."""
    for number in range(1, 8):
        domains(connection, f"shop-{number}.example", status="New" if number % 2 else "Queued")
    return domains(connection, "cafe.example")  # type: ignore[return-value]


@pytest.fixture
def stage(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A stage named dev with the API's function."""
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    with serving({"scrapersky-dev-api": invoked(api.application.handler)}) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        yield


def statuses(connection: Connection) -> str:
    """Return the first letter of the status of each domain, in the order of the ids."""
    return "".join(connection.execute(text("SELECT left(status::text, 1) FROM domains ORDER BY id")).scalars())


def test_every_workflow_has_a_resource_whose_records_are_moved() -> None:
    assert {name for resource in RESOURCES for name in resource.workflows} == WORKFLOWS.keys() - {EXPORT.name}


def test_records_are_requeued_and_cancelled_by_a_filter_and_decisions_stay(
    api: Api, connection: Connection, shops: list[int]
) -> None:
    wanted = {"workflow": "metadata", "filter": {"search": "shop"}, "reason": "a test"}
    answer = api.post("/domains/requeue", wanted)
    assert (answer.status, answer.json["ids"], answer.json["more"]) == (200, [1, 3, 5, 7], False)
    assert statuses(connection) == "QQQQQQQN"
    found = row(connection, "domains", 1)
    assert (found["curation_status"], found["sitemap_analysis_status"]) == ("New", "New")
    event = connection.execute(
        text("SELECT actor, reason FROM status_events WHERE record_id = 1 ORDER BY event_id DESC")
    )
    assert event.first() == (f"api:{api.caller}", "a test")
    assert api.post("/domains/cancel", {**wanted, "limit": 2}).json["ids"] == [1, 2]
    assert statuses(connection) == "NNQQQQQN"


def test_a_dry_run_counts_shows_three_and_changes_nothing(api: Api, connection: Connection, shops: list[int]) -> None:
    wanted = {"workflow": "metadata", "filter": {"search": "shop"}, "reason": "a test", "dry_run": True, "limit": 1}
    answer = api.post("/domains/requeue", wanted).json
    assert (answer["count"], answer["ids"], answer["more"]) == (4, [], False)
    assert [one["record"] for one in answer["examples"]] == ["shop-1.example", "shop-3.example", "shop-5.example"]
    assert statuses(connection) == "NQNQNQNN"


def test_a_processing_record_and_an_index_of_sitemaps_are_left_alone(
    api: Api, connection: Connection, shops: list[int]
) -> None:
    seize(connection, [2])  # type: ignore[list-item]
    by = {"ids": [2], "reason": "a test", "workflow": "metadata"}
    assert [api.post(f"/domains/{verb}", by).json["count"] for verb in ("requeue", "cancel")] == [0, 0]
    for kind in ("'index'", "'urlset'", "null"):
        connection.execute(
            text(
                "INSERT INTO sitemap_files (domain_id, url, discovery_method, sitemap_type)"
                f" VALUES (1, 'https://shop-1.example/' || coalesce({kind}, ''), 'manual', {kind})"
            )
        )
    answer = api.post("/sitemap-files/requeue", {"filter": {"domain": "shop-1.example"}, "reason": "a test"})
    assert answer.json["ids"] == [2, 3]


@pytest.mark.parametrize("verb", ["requeue", "curation"])
def test_a_dry_run_refuses_an_invalid_key_too(api: Api, shops: list[int], verb: str) -> None:
    decision = {"curation_status": "Maybe"} if verb == "curation" else {"workflow": "metadata"}
    wanted = {"ids": [1], "reason": "a test", "dry_run": True, **decision}
    answer = api.post(f"/domains/{verb}", wanted, Idempotency_Key="ä")
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "Idempotency-Key")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reason": "x", "filter": {}}, "body"),
        ({"reason": "x"}, "body"),
        ({"reason": "x", "filter": {"colour": "red"}}, "filter.colour"),
        ({"reason": " ", "ids": [1]}, "reason"),
        ({"ids": [1]}, "reason"),
        ({"reason": "x", "ids": [1], "limit": 5_001}, "limit"),
    ],
)
def test_an_invalid_request_names_its_field(api: Api, body: dict[str, object], field: str) -> None:
    answer = api.post("/places/requeue", body)
    assert (answer.status, [error["field"] for error in answer.json["errors"]]) == (422, [field])


def test_the_command_line_moves_all_in_chunks_and_each_once(
    stage: None,
    connection: Connection,
    shops: list[int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(by_filter, "CHUNK", 3)
    words = ["metadata", "--where", "search=shop", "--where", "has_email=false", "--reason", "a test"]
    assert main(["requeue", *words, "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        "metadata: 4 records would be moved",
        "  1 shop-1.example (New)",
    ]
    assert main(["requeue", *words]) == 0
    assert capsys.readouterr().out == "metadata: 4 records moved (1, 3, 5, 7)\n"
    assert main(["cancel", *words, "--limit", "5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ids"] == [1, 2, 3, 4, 5]
    assert statuses(connection) == "NNNNNQQN"
    assert (
        connection.execute(text("SELECT actor FROM status_events ORDER BY event_id DESC LIMIT 1")).scalar() == "api:ada"
    )


def test_the_command_line_decides_in_chunks(
    stage: None,
    connection: Connection,
    shops: list[int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(by_filter, "CHUNK", 2)
    assert main(["decide", "domains", "maybe", "--where", "search=shop", "--dry-run"]) == 0
    assert main(["decide", "domains", "maybe", "--where", "search=shop"]) == 0
    assert capsys.readouterr().out == "domains: 7 set (a dry run)\ndomains: 7 set\n"
    assert [row(connection, "domains", one)["curation_status"] for one in (1, 7, 8)] == ["Maybe", "Maybe", "New"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["requeue", "metadata", "--where", "colour=red", "--reason", "x"], "filters of domains: "),
        (["requeue", "metadata", "--where", "http_status", "--reason", "x"], "FILTER=VALUE is needed"),
        (["requeue", "metadata", "--where", "http_status=many", "--reason", "x"], "http_status"),
        (["requeue", "metadata", "1", "--where", "status=New", "--reason", "x"], "no filter would mean every record"),
        (["requeue", "metadata", "1", "--dry-run", "--reason", "x"], "--dry-run needs --where"),
        (["cancel", "metadata", "--reason", "x"], "no filter would mean every record"),
        (["decide", "shops", "Maybe", "--where", "search=x"], "valid: place-searches, places, "),
        (["decide", "domains", "Maybe"], "no filter would mean every record"),
    ],
)
def test_an_invalid_command_names_what_is_valid(
    stage: None, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) in {1, 2}
    assert message in capsys.readouterr().err
