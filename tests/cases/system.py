"""Runners of the cases about the system itself: database, API, messages, manual payloads, settings and commands."""

import base64
import importlib
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from scrapersky.settings import Settings, SettingsError, load
from scripts.commands.new_service.__main__ import main as new_service
from scripts.commands.scrapersky.logs.command import show
from tests.integration import test_import
from tests.integration.api import Api
from tests.integration.conftest import Harness
from tests.integration.lambda_context import LambdaContext


def import_(given: dict[str, Any], expected: object, request: pytest.FixtureRequest) -> object:
    """Return the code of an import with one page of this lastmod and one without, and the number of pages stored."""
    connection, engine = request.getfixturevalue("connection"), request.getfixturevalue("engine")
    domain = "WITH d AS (INSERT INTO domains (domain) VALUES ('shop.test') RETURNING id)"
    file = "INSERT INTO sitemap_files (domain_id, url, discovery_method)"
    url = "SELECT id, 'https://shop.test/sitemap.xml', 'manual' FROM d RETURNING id"
    file_id = int(connection.execute(text(f"{domain} {file} {url}")).scalar_one())
    dated = test_import.loc("/a", f"<lastmod>{given['lastmod']}</lastmod>")
    body = test_import.urlset(dated, test_import.loc("/b"))
    outcome = test_import.run(engine, file_id, request.getfixturevalue("tmp_path"), body)
    return {"code": outcome.code, "pages": len(test_import.pages(connection))}


def api(given: dict[str, Any], expected: list[int], request: pytest.FixtureRequest) -> object:
    """Return the expected statuses if the API answers one of them, else the status itself."""
    client: Api = request.getfixturevalue("api")
    encoding = given.get("encoding")
    body = base64.b64encode(given["body"].encode(encoding)).decode() if encoding else given["body"]
    headers = {"content-type": given["content_type"]}
    status = client.send("POST", given["path"], body, headers=headers, encoded=bool(encoding)).status
    return expected if status in expected else status


def batch(given: dict[str, Any], expected: object, request: pytest.FixtureRequest) -> object:
    """Return the messages that are redelivered, and the status of the good record."""
    harness: Harness = request.getfixturevalue("harness")
    (record_id,) = harness.add("good.test")
    harness.tick()
    (good,) = harness.receive()
    poison = {**good, "messageId": "poison", "body": given["body"], "messageAttributes": {}}
    again = harness.deliver([poison, good])
    return {"again": again, "good": harness.row(record_id)["status"]}


def letter(given: dict[str, Any], expected: object, request: pytest.FixtureRequest) -> object:
    """Return how many dead letters are redelivered, and the status of the record that one names by its attribute."""
    harness: Harness = request.getfixturevalue("harness")
    monkeypatch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    monkeypatch.setenv("DATABASE_URL", request.getfixturevalue("application_url"))
    function = importlib.reload(importlib.import_module("dead_letter.handler"))
    (record_id,) = harness.add("good.test")
    harness.tick()
    (good,) = harness.receive()
    body = given.get("body", good["body"]) * given.get("times", 1)
    if "attribute" in given:
        good["messageAttributes"]["attempt_id"]["stringValue"] = given["attribute"]
    answer = function.handler({"Records": [{**good, "body": body}]}, LambdaContext())
    function.database.engine.dispose()
    return {"again": len(answer["batchItemFailures"]), "status": harness.row(record_id)["status"]}


def manual(given: dict[str, Any], expected: dict[str, Any], request: pytest.FixtureRequest) -> object:
    """Return the field that the answer to the last payload names.

    Where no field is expected, the last payload must be answered, whether or not the payloads before it were refused.
    """
    harness: Harness = request.getfixturevalue("harness")
    answers = [harness.invoke(**payload) for payload in given["payloads"]]
    field = answers[-1].get("error", {}).get("field")
    return {"field": field} if "field" in expected else expected


def paging(given: dict[str, Any], expected: object, request: pytest.FixtureRequest) -> object:
    """Return whether the pages of a listing show a record that was committed after a later id was shown."""
    client: Api = request.getfixturevalue("api")
    engine: Engine = request.getfixturevalue("engine")
    add = text("INSERT INTO domains (domain) VALUES (:domain)")
    with engine.connect() as slow:
        slow.execute(add, {"domain": "late.example"})
        with engine.begin() as fast:
            for number in range(4):
                fast.execute(add, {"domain": f"fast-{number}.example"})
        answer = client.get("/domains", limit=given["limit"])
        shown = [item["domain"] for item in answer.json["items"]]
        slow.commit()
    while answer.json["next"] is not None:
        answer = client.get("/domains", limit=given["limit"], cursor=answer.json["next"])
        shown += [item["domain"] for item in answer.json["items"]]
    assert len(shown) == len(set(shown)), "a record was shown twice"
    return "late.example" in shown


def logs(given: dict[str, Any], expected: str, request: pytest.FixtureRequest) -> object:
    """Return the expected text if the printed row contains it, else all that is printed."""
    printed = "\n".join(show([given["row"]]))
    return expected if expected in printed else printed


def settings(given: dict[str, Any], expected: object, request: pytest.FixtureRequest) -> object:
    """Return whether these environment variables are taken or refused."""
    try:
        load(Settings, given["environment"])
    except SettingsError:
        return "refused"
    return "taken"


def newservice(given: dict[str, Any], expected: object, request: pytest.FixtureRequest) -> object:
    """Return whether ``scripts/new-service`` takes or refuses these arguments."""
    return "refused" if new_service([*given["arguments"], "--dry-run"]) else "taken"


RUNNERS: dict[str, Callable[[dict[str, Any], Any, pytest.FixtureRequest], object]] = {
    "import": import_, "api": api, "batch": batch, "letter": letter, "manual": manual, "paging": paging, "logs": logs,
    "settings": settings, "newservice": newservice,
}  # fmt: skip
