"""Housekeeping: what is kept for a limited time only is removed once a day, and nothing else is."""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from scrapersky.models import LocalBusiness, Place
from scrapersky.protection import housekeeping
from scrapersky.protection.housekeeping import CONTENT, rules
from scrapersky.settings import Settings
from tests.integration.lambda_context import LambdaContext

EVENT = Path(__file__).parents[2] / "functions" / "housekeeping" / "events" / "tick.json"
BUSINESS = (
    "INSERT INTO local_businesses (place_id, business_name, phone, rating, opening_hours, curation_status, scanned_at)"
    " VALUES (:place_id, 'Shop', '+49301234567', 4.5, '{}', 'Selected', now() - make_interval(days => :days))"
)
PLACE = (
    "INSERT INTO places (place_id, name, latitude, curation_status, created_at)"
    " VALUES (:place_id, 'Shop', 48.1, 'Selected', now() - make_interval(days => :days))"
)
CONTACT = (
    "WITH one AS (INSERT INTO domains (domain) VALUES (:place_id || '.test') RETURNING id)"
    " INSERT INTO contacts (domain_id, kind, value, gone_at)"
    " SELECT id, 'email', 'info@' || :place_id || '.test', now() - make_interval(days => CAST(:days AS int)) FROM one"
)


@pytest.fixture
def function(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The function, with limits of 30 and 90 days."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    module = importlib.reload(importlib.import_module("housekeeping.handler"))
    yield module
    module.database.engine.dispose()


def add(connection: Connection, statement: str, **days: int | None) -> None:
    for name, age in days.items():
        connection.execute(text(statement), {"place_id": name, "days": age})


def run(function: ModuleType, **payload: Any) -> dict[str, Any]:
    event = payload or json.loads(EVENT.read_text())
    answer: dict[str, Any] = function.handler(event, LambdaContext())
    return answer


def left(connection: Connection, table: str, column: str) -> list[Any]:
    return list(connection.execute(text(f"SELECT {column} FROM {table} ORDER BY id")).scalars())


def test_googles_content_is_emptied_and_decisions_and_ids_stay(connection: Connection, function: ModuleType) -> None:
    add(connection, BUSINESS, old=31, new=29)
    add(connection, PLACE, old=31, new=29)
    assert run(function)["rows"] == {
        "local_businesses": 1,
        "places": 1,
        "place_searches": 0,
        "changes": 0,
        "contacts": 0,
    }
    for table in ("local_businesses", "places"):
        assert left(connection, table, "place_id") == ["old", "new"]
        assert left(connection, table, "curation_status") == ["Selected", "Selected"]
        for column in CONTENT[table]:
            values = left(connection, table, column)
            assert values[0] is None, f"{table}.{column}"
    assert left(connection, "local_businesses", "business_name") == [None, "Shop"]
    assert run(function)["rows"] == {
        "local_businesses": 0,
        "places": 0,
        "place_searches": 0,
        "changes": 0,
        "contacts": 0,
    }


def test_every_column_that_only_google_fills_is_emptied() -> None:
    kept = {"id", "tenant", "label", "created_at", "updated_at", "place_id", "curation_status", "domain_id"}
    for model, of_us in ((LocalBusiness, set()), (Place, {"search_query", "moved_to_place_id"})):
        own = {
            name
            for name in {column.name for column in model.__table__.columns}
            if "_scan_" not in name and "domain_extraction_" not in name
        }
        assert own - kept - of_us == set(CONTENT[model.__tablename__])


def test_a_business_that_a_workflow_needs_is_left_for_a_later_day(connection: Connection, function: ModuleType) -> None:
    add(connection, BUSINESS, old=40)
    connection.execute(text("UPDATE local_businesses SET domain_extraction_status = 'Queued'"))
    answer = run(function)
    assert answer["rows"]["local_businesses"] == 0
    connection.execute(text("UPDATE local_businesses SET domain_extraction_status = 'New'"))
    assert run(function)["rows"]["local_businesses"] == 1


def test_what_a_person_entered_without_a_scan_stays(connection: Connection, function: ModuleType) -> None:
    add(connection, BUSINESS, entered=None)
    assert run(function)["rows"]["local_businesses"] == 0
    assert left(connection, "local_businesses", "business_name") == ["Shop"]


def test_a_contact_is_deleted_some_time_after_it_was_gone(connection: Connection, function: ModuleType) -> None:
    add(connection, CONTACT, old=91, new=89, present=None)
    assert run(function)["rows"]["contacts"] == 1
    assert left(connection, "contacts", "value") == ["info@new.test", "info@present.test"]


def test_a_dry_run_counts_and_changes_nothing(connection: Connection, function: ModuleType) -> None:
    add(connection, BUSINESS, old=31)
    add(connection, CONTACT, old=91)
    expected = {"local_businesses": 1, "places": 0, "place_searches": 0, "changes": 0, "contacts": 1}
    for _ in range(2):
        assert run(function, dry_run=True) == {"rows": expected, "dry_run": True, "overdue_days": 0.0}


def test_an_unknown_payload_changes_nothing(connection: Connection, function: ModuleType) -> None:
    add(connection, CONTACT, old=91)
    assert run(function, dry="yes")["error"]["field"] == "dry"
    assert len(left(connection, "contacts", "id")) == 1


def test_rows_are_changed_in_batches_while_there_is_time(connection: Connection) -> None:
    add(connection, CONTACT, **{f"c{number}": 91 for number in range(7)})
    (rule,) = rules(Settings(places_content_days=0, history_days=0))
    turns = iter([True, True, False])
    assert housekeeping.apply(connection, rule, lambda: next(turns), batch=3) == 6
    assert housekeeping.overdue_days(connection, rule) == pytest.approx(1, abs=0.1)
    assert housekeeping.apply(connection, rule, lambda: True, batch=3) == 1
    assert housekeeping.overdue_days(connection, rule) == 0


def test_a_row_that_another_transaction_holds_is_left(connection: Connection, engine: Engine) -> None:
    add(connection, CONTACT, held=91, free=91)
    (rule,) = rules(Settings(places_content_days=0, history_days=0))
    with engine.begin() as other:
        other.execute(text("SELECT FROM contacts WHERE value = 'info@held.test' FOR UPDATE"))
        assert housekeeping.apply(connection, rule, lambda: True) == 1
    assert left(connection, "contacts", "value") == ["info@held.test"]


def test_a_limit_of_0_days_keeps_everything() -> None:
    assert list(rules(Settings(places_content_days=0, contacts_gone_days=0, history_days=0))) == []


def test_the_metric_has_a_value_also_when_nothing_is_left(
    connection: Connection, function: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    run(function)
    (metrics,) = (line for line in capsys.readouterr().out.splitlines() if "HousekeepingOverdueDays" in line)
    found = json.loads(metrics)
    assert (found["HousekeepingOverdueDays"], found["service"]) == ([0.0], "housekeeping")


@pytest.mark.parametrize("name", ["local_businesses", "places", "place_searches", "contacts"])
def test_old_rows_are_found_by_an_index(connection: Connection, name: str) -> None:
    (rule,) = (one for one in rules(Settings()) if one.name == name)
    connection.exec_driver_sql("SET enable_seqscan = off; SET enable_bitmapscan = off")
    head = rule.statement(f"EXPLAIN SELECT {rule.table}.id") + f" ORDER BY {rule.since} LIMIT 5000"
    plan = "\n".join(connection.execute(text(head), {"days": 30}).scalars())
    assert f"Index Scan using ix_{name}" in plan
    assert "Sort" not in plan
