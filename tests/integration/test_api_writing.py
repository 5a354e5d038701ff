"""The curation API's writing half: deciding in bulk, and writing once however often a request comes."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from api.application import Application
from api.curation_table import CURATION_FIELDS
from api.writing import EXPIRED_AT_ONCE
from infra.curation_api import TIMEOUT_SECONDS
from scrapersky.models.base import Recorded
from scrapersky.models.vocabulary import Curation
from scrapersky.runtime.registry import HAND_OFFS, IMPORT, METADATA, WORKFLOWS
from scrapersky.status.claim import claim
from tests.integration.api import ADA, Api, domains, results, row

pytestmark = pytest.mark.usefixtures("invariants_hold")

PATHS = {
    "places": "places",
    "local_businesses": "local-businesses",
    "domains": "domains",
    "sitemaps": "sitemaps",
    "sitemap_files": "sitemap-files",
    "pages": "pages",
}


def one_of(connection: Connection, model: type[Recorded]) -> int:
    """A fresh record of ``model``, with what it needs."""
    domain = "(SELECT id FROM domains ORDER BY id LIMIT 1)"
    statements = {
        "domains": "INSERT INTO domains (domain) VALUES ('shop.example')",
        "places": "INSERT INTO places (place_id) VALUES ('ChIJ1')",
        "local_businesses": "INSERT INTO local_businesses (place_id) VALUES ('ChIJ1')",
        "sitemaps": f"INSERT INTO sitemaps (domain_id) VALUES ({domain})",
        "sitemap_files": f"""INSERT INTO sitemap_files (domain_id, url, discovery_method, sitemap_type)
            VALUES ({domain}, 'https://shop.example/sitemap.xml', 'robots_txt', 'urlset')""",
        "pages": f"""INSERT INTO pages (domain_id, url, page_type, path_depth)
            VALUES ({domain}, 'https://shop.example/', 'page', 0)""",
    }
    table = str(model.__tablename__)
    if table != "domains":
        connection.execute(text(f"{statements['domains']} ON CONFLICT DO NOTHING"))
    return int(connection.execute(text(f"{statements[table]} RETURNING id")).scalar_one())


def seize(connection: Connection, ids: list[int]) -> None:
    """Makes Queued domains Processing, as a tick does."""
    held = claim(connection, METADATA, batch=10, max_in_flight=10, dispatch_lease=60, trigger="manual", ids=ids)
    assert len(held) == len(ids)


@pytest.mark.parametrize("field", CURATION_FIELDS, ids=lambda field: f"{field.model.__tablename__}.{field.name}")
def test_selecting_queues_the_fields_own_workflow_and_no_other(api: Api, connection: Connection, field: Any) -> None:
    record_id, table = one_of(connection, field.model), field.model.__tablename__
    body = {"ids": [record_id], "curation_status": "Selected"}
    if table == "domains":
        body["field"] = field.name
    answer = api.post(f"/{PATHS[table]}/curation", body)
    assert results(answer) == ["queued" if field.workflow else "set"]
    now = row(connection, table, record_id)
    assert now[field.name] == "Selected"
    for workflow in WORKFLOWS.values():
        if workflow.table == table:
            assert now[workflow.field] == ("Queued" if workflow == field.workflow else "New")
    again = api.post(f"/{PATHS[table]}/curation", body)
    assert results(again) == ["unchanged"]


def test_every_workflow_of_the_pipeline_is_queued_by_exactly_one_curation_field() -> None:
    queued = [field.workflow for field in CURATION_FIELDS if field.workflow]
    assert len(queued) == len(set(queued))
    assert set(queued) >= {one for arrow in HAND_OFFS for one in (arrow.source, arrow.target)}


def test_the_audit_trail_names_who_selected_and_why(api: Api, connection: Connection) -> None:
    (record_id,) = domains(connection, "a.example")
    api.post("/domains/curation", {"ids": [record_id], "curation_status": "Selected", "reason": "looks good"})
    event = connection.execute(text("SELECT actor, reason, to_status FROM status_events")).one()
    assert tuple(event) == (f"api:{ADA}", "looks good", "Queued")


def test_a_record_that_is_processing_is_refused_and_left_as_it_is(api: Api, connection: Connection) -> None:
    busy, free = domains(connection, "busy.example", "free.example", status="Queued")
    seize(connection, [busy])
    before = row(connection, "domains", busy)
    for decision in Curation:
        answer = api.post("/domains/curation", {"ids": [busy, free], "curation_status": decision})
        refused, _ = answer.json["results"]
        assert (refused["result"], "Processing" in refused["why"]) == ("refused", True)
    assert row(connection, "domains", busy) == before


@pytest.mark.parametrize("ended", ["Completed", "Error"])
def test_selecting_what_was_worked_on_before_queues_it_again(api: Api, connection: Connection, ended: str) -> None:
    (record_id,) = domains(connection, "a.example", status="Queued")
    seize(connection, [record_id])
    connection.exec_driver_sql("BEGIN")
    connection.execute(text("UPDATE attempts SET finished_at = now(), outcome = 'done'"))
    connection.execute(
        text("UPDATE domains SET status = CAST(:status AS work_status), error_code = :code, failures = 3"),
        {"status": ended, "code": "parked" if ended == "Error" else None},
    )
    connection.exec_driver_sql("COMMIT")
    assert results(api.post("/domains/curation", {"ids": [record_id], "curation_status": "Selected"})) == ["queued"]
    now = row(connection, "domains", record_id)
    assert (now["status"], now["failures"], now["error_code"]) == ("Queued", 0, None)
    assert now["due_at"] is not None


@pytest.mark.parametrize("decision", [Curation.MAYBE, Curation.NOT_A_FIT, Curation.ARCHIVED])
def test_any_other_decision_is_set_and_queues_nothing(api: Api, connection: Connection, decision: Curation) -> None:
    (record_id,) = domains(connection, "a.example")
    body = {"ids": [record_id], "curation_status": decision}
    assert results(api.post("/domains/curation", body)) == ["set"]
    assert results(api.post("/domains/curation", body)) == ["unchanged"]
    now = row(connection, "domains", record_id)
    assert (now["curation_status"], now["status"]) == (decision, "New")


def test_a_record_that_is_not_there_is_refused_by_itself(api: Api, connection: Connection) -> None:
    (record_id,) = domains(connection, "a.example")
    answer = api.post("/domains/curation", {"ids": [record_id, 999], "curation_status": "Selected"})
    assert results(answer) == ["queued", "refused"]
    assert answer.json["counts"] == {"queued": 1, "refused": 1}
    assert answer.json["results"][1] == {"id": 999, "result": "refused", "why": "domains has no such record"}


def test_a_sitemap_index_may_be_archived_but_never_queued(api: Api, connection: Connection) -> None:
    record_id = one_of(connection, IMPORT.model)
    connection.execute(text("UPDATE sitemap_files SET sitemap_type = 'index'"))
    answer = api.post("/sitemap-files/curation", {"ids": [record_id], "curation_status": "Selected"})
    assert results(answer) == ["refused"]
    assert "index" in answer.json["results"][0]["why"]
    assert results(api.post("/sitemap-files/curation", {"ids": [record_id], "curation_status": "Archived"})) == ["set"]


def test_a_filter_decides_about_what_fits_up_to_the_limit_and_tells_of_more(api: Api, connection: Connection) -> None:
    ids = domains(connection, "a.example", "b.example", "c.example", "other.test")
    body = {"filter": {"search": ".example", "status": "New"}, "limit": 2, "curation_status": "Selected"}
    first, second = (api.post("/domains/curation", body) for _ in range(2))
    assert ([one["id"] for one in first.json["results"]], first.json["more"]) == (ids[:2], True)
    assert ([one["id"] for one in second.json["results"]], second.json["more"]) == (ids[2:3], False)


@pytest.mark.parametrize(
    ("body", "field", "why"),
    [
        ({"curation_status": "Selected"}, "body", "exactly one of ids and filter"),
        ({"curation_status": "Selected", "ids": [1], "filter": {"status": "New"}}, "body", "exactly one"),
        ({"curation_status": "Selected", "filter": {}}, "body", "every record"),
        ({"curation_status": "Selected", "ids": []}, "ids", "at least 1"),
        ({"curation_status": "Selected", "ids": [1, 0]}, "ids.1", "greater than or equal to 1"),
        ({"curation_status": "Queued", "ids": [1]}, "curation_status", "'New', 'Selected'"),
        ({"curation_status": "Selected", "filter": {"staus": "New"}}, "filter.staus", "not permitted"),
        ({"curation_status": "Selected", "filter": {"status": "Pending"}}, "filter.status", "'Queued'"),
        ({"curation_status": "Selected", "ids": [1], "status": "Completed"}, "status", "not permitted"),
        ({"curation_status": "Selected", "ids": [1], "field": "status"}, "field", "sitemap_curation_status"),
    ],
)
def test_a_bad_decision_is_refused_by_field_and_changes_nothing(
    api: Api, connection: Connection, body: dict[str, Any], field: str, why: str
) -> None:
    domains(connection, "a.example")
    answer = api.post("/domains/curation", body)
    assert (answer.status, answer.content_type) == (422, "application/problem+json")
    (error,) = answer.json["errors"]
    assert error["field"] == field
    assert why in error["message"]
    assert connection.execute(text("SELECT count(*) FROM domains WHERE curation_status <> 'New'")).scalar_one() == 0


def test_a_body_that_is_no_json_is_told_so(api: Api) -> None:
    answer = api.send("POST", "/domains", "{", headers={"content-type": "application/json"})
    assert (answer.status, answer.content_type) == (422, "application/problem+json")


@pytest.mark.parametrize("body", ["[" * 100_000, '{"domain": ' + "9" * 5_000 + "}", "domain=a.example", b"\xff"])
def test_a_body_that_no_reader_of_json_can_read_is_the_clients_fault(api: Api, body: str | bytes) -> None:
    encoded = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    headers = {"content-type": "application/json"}
    answer = api.send("POST", "/domains", encoded, headers=headers, encoded=isinstance(body, bytes))
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "body")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/vnd.api+json"])
def test_a_body_of_another_media_type_is_told_which_is_right(api: Api, media_type: str) -> None:
    answer = api.send("POST", "/domains", '{"domain": "a.example"}', headers={"content-type": media_type})
    assert (answer.status, answer.json["errors"][0]["field"]) == (415, "Content-Type")
    assert answer.content_type == "application/problem+json"
    assert "application/json is right" in answer.json["detail"]


def test_a_media_type_with_a_charset_or_none_at_all_is_read(api: Api) -> None:
    for headers in ({"content-type": "application/json; charset=utf-8"}, {}):
        assert api.send("POST", "/domains", '{"domain": "a.example"}', headers=headers).status == 201


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/places", {"place_id": "ChIJ1", "name": "a\0b"}, "name"),
        ("/domains", {"domain": "a.example", "reason": "\0"}, "reason"),
        ("/domains/curation", {"ids": [1], "curation_status": "New", "reason": "\0"}, "reason"),
        ("/domains/curation", {"filter": {"search": "\0"}, "curation_status": "New"}, "filter.search"),
        (
            "/domains/curation",
            {"filter": {"created_after": "0001-01-01T00:00:00+14:00"}, "curation_status": "New"},
            "filter.created_after",
        ),
        ("/dev-tools/pause", {"action": "pause", "workflow": "metadata", "reason": "\0"}, "reason"),
    ],
)
def test_what_no_database_keeps_is_refused_by_field(api: Api, path: str, body: dict[str, Any], field: str) -> None:
    answer = api.post(path, body)
    assert (answer.status, [error["field"] for error in answer.json["errors"]]) == (422, [field])


def test_what_takes_the_database_too_long_is_told_as_that_and_changes_nothing(
    environment: dict[str, str], connection: Connection, engine: Engine
) -> None:
    (held,) = domains(connection, "a.example")
    application = Application({**environment, "DATABASE_STATEMENT_TIMEOUT_SECONDS": "0.2"})
    with engine.begin() as other:
        other.execute(text("SELECT 1 FROM domains WHERE id = :id FOR UPDATE"), {"id": held})
        answer = Api(application).post("/domains/curation", {"ids": [held], "curation_status": "Archived"})
    application.wiring.database.engine.dispose()
    assert (answer.status, answer.content_type) == (503, "application/problem+json")
    assert "too long" in answer.json["detail"]
    assert row(connection, "domains", held)["curation_status"] == "New"


def test_the_api_waits_no_longer_for_the_database_than_a_client_may_for_it(environment: dict[str, str]) -> None:
    application = Application({**environment, "DATABASE_STATEMENT_TIMEOUT_SECONDS": "60"})
    assert application.wiring.settings.database_statement_timeout_seconds < TIMEOUT_SECONDS
    application.wiring.database.engine.dispose()


def test_more_records_than_the_cap_are_refused(environment: dict[str, str]) -> None:
    application = Application({**environment, "API_BULK_MAX": "2"})
    api = Api(application)
    for path, body, field in (
        ("/domains/curation", {"ids": [1, 2, 3], "curation_status": "New"}, "ids"),
        ("/domains/curation", {"filter": {"status": "New"}, "limit": 3, "curation_status": "New"}, "limit"),
        ("/domains/bulk", {"domains": ["a.example", "b.example", "c.example"]}, "domains"),
        ("/pages/bulk", {"pages": [{"domain": "a.example", "url": "https://a.example/"}] * 3}, "pages"),
    ):
        answer = api.post(path, body)
        assert (answer.status, answer.json["errors"][0]["field"]) == (422, field)
    application.wiring.database.engine.dispose()


def test_the_same_key_and_request_are_carried_out_once_and_answered_alike(api: Api, connection: Connection) -> None:
    body = {"domain": "a.example"}
    first = api.post("/domains", body, Idempotency_Key="one")
    second = api.post("/domains", body, Idempotency_Key="one")
    assert first.json == second.json
    assert results(second) == ["created"]
    assert connection.execute(text("SELECT count(*) FROM idempotency_keys")).scalar_one() == 1


def test_the_same_key_with_another_request_is_refused(api: Api, connection: Connection) -> None:
    api.post("/domains", {"domain": "a.example"}, Idempotency_Key="one")
    answer = api.post("/domains", {"domain": "b.example"}, Idempotency_Key="one")
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert connection.execute(text("SELECT count(*) FROM domains")).scalar_one() == 1


def test_a_key_is_its_callers_own(api: Api) -> None:
    api.post("/domains", {"domain": "a.example"}, Idempotency_Key="one")
    assert results(Api(api.application, caller="bob").post("/domains", {"domain": "b.example"}, Idempotency_Key="one"))


def test_a_request_that_failed_leaves_its_key_free(api: Api) -> None:
    bad = {"filter": {"status": "New"}, "limit": 100_000, "curation_status": "New"}
    assert api.post("/domains/curation", bad, Idempotency_Key="one").status == 422
    assert api.post("/domains", {"domain": "a.example"}, Idempotency_Key="one").status == 201


def test_an_expired_key_is_free_again_also_where_so_many_are_expired_that_it_was_not_cleared_yet(
    api: Api, connection: Connection
) -> None:
    api.post("/domains", {"domain": "a.example"}, Idempotency_Key="one")
    connection.execute(text("UPDATE idempotency_keys SET expires_at = now() - interval '1 second'"))
    connection.execute(
        text(
            "INSERT INTO idempotency_keys (caller, key, request_hash, expires_at)"
            " SELECT 'ada', 'old ' || n, '', now() - interval '1 day' FROM generate_series(1, :many) n"
        ),
        {"many": EXPIRED_AT_ONCE},
    )
    body = {"domain": "b.example"}
    assert results(api.post("/domains", body, Idempotency_Key="one")) == ["created"]
    assert list(connection.execute(text("SELECT key FROM idempotency_keys")).scalars()) == ["one"]
    assert results(api.post("/domains", body, Idempotency_Key="one")) == ["created"]  # remembered anew
    assert connection.execute(text("SELECT count(*) FROM domains")).scalar_one() == 2


def test_an_expired_key_is_free_again_and_cleared_away(api: Api, connection: Connection) -> None:
    for name in ("one", "two"):
        api.post("/domains", {"domain": f"{name}.example"}, Idempotency_Key=name)
    connection.execute(text("UPDATE idempotency_keys SET expires_at = now() - interval '1 second'"))
    assert results(api.post("/domains", {"domain": "three.example"}, Idempotency_Key="one")) == ["created"]
    assert list(connection.execute(text("SELECT key FROM idempotency_keys")).scalars()) == ["one"]


@pytest.mark.parametrize("key", ["", "x" * 201, "a\x00b"])
def test_a_key_that_cannot_be_kept_is_refused(api: Api, key: str) -> None:
    answer = api.post("/domains", {"domain": "a.example"}, Idempotency_Key=key)
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "Idempotency-Key")


def test_a_request_waits_for_its_equal_that_is_under_way_and_gets_its_answer(
    api: Api, engine: Engine, connection: Connection
) -> None:
    body = {"domain": "a.example"}
    first = api.post("/domains", body, Idempotency_Key="one").json
    connection.execute(text("DELETE FROM domains"))
    with ThreadPoolExecutor(1) as pool, engine.connect() as earlier:
        kept = earlier.execute(text("DELETE FROM idempotency_keys RETURNING *")).mappings().one()
        earlier.commit()
        names = ", ".join(map(str, kept))
        values = ", ".join(f":{name}" for name in map(str, kept))
        earlier.execute(
            text(f"INSERT INTO idempotency_keys ({names}) VALUES ({values})"),
            {**kept, "answer": json.dumps(kept["answer"])},
        )
        asked = pool.submit(api.post, "/domains", body, Idempotency_Key="one")
        while connection.execute(WAITING).scalar_one() < 1:
            pass
        earlier.commit()
        assert asked.result().json == first
    assert connection.execute(text("SELECT count(*) FROM domains")).scalar_one() == 0


WAITING = text("""
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'api'
    AND wait_event_type = 'Lock'
""")


def test_a_decision_waits_for_a_claim_that_is_under_way_and_then_refuses(
    api: Api, engine: Engine, connection: Connection
) -> None:
    (record_id,) = domains(connection, "a.example", status="Queued")
    with ThreadPoolExecutor(1) as pool, engine.begin() as claiming:
        seize(claiming, [record_id])
        asked = pool.submit(api.post, "/domains/curation", {"ids": [record_id], "curation_status": "Selected"})
        while connection.execute(WAITING).scalar_one() < 1:
            pass
        claiming.commit()
        assert results(asked.result()) == ["refused"]
