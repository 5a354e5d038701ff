"""The curation API writes: bulk curation, and one write per idempotency key."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from api.application import Application
from api.idempotency import MAX_EXPIRED_DELETED
from api.resource import Resource, View
from api.resources.domains import DOMAINS
from api.resources.local_businesses import LOCAL_BUSINESSES
from api.resources.pages import PAGES
from api.resources.places import PLACES
from api.resources.sitemap_files import SITEMAP_FILES
from api.resources.sitemaps import SITEMAPS
from infra.curation_api import TIMEOUT_SECONDS
from scrapersky.database import LOST_RACE, TRIES
from scrapersky.models.base import Recorded
from scrapersky.runtime.registry import EMAIL_CHECK, HAND_OFFS, IMPORT, PLACE_SEARCH, WORKFLOWS
from scrapersky.vocabulary import Curation
from tests.integration.api import ADA, Api, domains, results, row, seize

pytestmark = pytest.mark.usefixtures("invariants_hold")

RESOURCES = (PLACES, LOCAL_BUSINESSES, DOMAINS, SITEMAPS, SITEMAP_FILES, PAGES)
CURATION_FIELDS = [(resource, field) for resource in RESOURCES for field in resource.curation]


def one_of(connection: Connection, model: type[Recorded]) -> int:
    """Add a record of ``model`` with the domain that it needs; return its id."""
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


@pytest.mark.parametrize(
    ("resource", "field"), CURATION_FIELDS, ids=[f"{resource.name}.{field}" for resource, field in CURATION_FIELDS]
)
def test_selecting_queues_the_fields_own_workflow_and_no_other(
    api: Api, connection: Connection, resource: Resource[View], field: str
) -> None:
    record_id, queued = one_of(connection, resource.model), resource.curation[field]
    path = f"/{resource.name.replace('_', '-')}/curation"
    body = {"ids": [record_id], "curation_status": "Selected", **({"field": field} if resource is DOMAINS else {})}
    answer = api.post(path, body)
    assert results(answer) == ["queued" if queued else "set"]
    now = row(connection, resource.name, record_id)
    assert now[field] == "Selected"
    for workflow in WORKFLOWS.values():
        if workflow.table == resource.name:
            assert now[workflow.field] == ("Queued" if workflow == queued else "New")
    again = api.post(path, body)
    assert results(again) == ["unchanged"]


def test_every_workflow_of_the_pipeline_is_queued_by_exactly_one_curation_field() -> None:
    queued = [workflow for resource, field in CURATION_FIELDS if (workflow := resource.curation[field])]
    assert len(queued) == len(set(queued))
    curated = {one for hand_off in HAND_OFFS for one in (hand_off.source, hand_off.target)} - {
        EMAIL_CHECK,
        PLACE_SEARCH,
    }
    assert set(queued) >= curated  # these two are queued when they are added


def test_the_audit_trail_names_who_selected_and_why(api: Api, connection: Connection) -> None:
    (record_id,) = domains(connection, "a.example")
    api.post("/domains/curation", {"ids": [record_id], "curation_status": "Selected", "reason": "looks good"})
    event = connection.execute(text("SELECT actor, reason, to_status FROM status_events")).one()
    assert tuple(event) == (f"api:{ADA}", "looks good", "Queued")


def test_curation_of_a_processing_record_is_refused_and_changes_nothing(api: Api, connection: Connection) -> None:
    busy, free = domains(connection, "busy.example", "free.example", status="Queued")
    seize(connection, [busy])
    before = row(connection, "domains", busy)
    for decision in Curation:
        answer = api.post("/domains/curation", {"ids": [busy, free], "curation_status": decision})
        refused, _ = answer.json["results"]
        assert (refused["result"], "Processing" in refused["why"]) == ("refused", True)
    assert row(connection, "domains", busy) == before


@pytest.mark.parametrize("ended", ["Completed", "Error"])
def test_selecting_a_completed_or_failed_record_queues_it_again(api: Api, connection: Connection, ended: str) -> None:
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
def test_other_decisions_than_selected_queue_nothing(api: Api, connection: Connection, decision: Curation) -> None:
    (record_id,) = domains(connection, "a.example")
    body = {"ids": [record_id], "curation_status": decision}
    assert results(api.post("/domains/curation", body)) == ["set"]
    assert results(api.post("/domains/curation", body)) == ["unchanged"]
    now = row(connection, "domains", record_id)
    assert (now["curation_status"], now["status"]) == (decision, "New")


def test_a_dry_run_counts_shows_three_results_and_changes_nothing(api: Api, connection: Connection) -> None:
    ids = domains(connection, *(f"shop-{number}.example" for number in range(5)))
    (busy,) = domains(connection, "shop-busy.example", status="Queued")
    seize(connection, [busy])
    wanted = {"curation_status": "Selected", "filter": {"search": "shop"}}
    answer = api.post("/domains/curation", {**wanted, "dry_run": True}, Idempotency_Key="one")
    assert [one["id"] for one in answer.json["results"]] == ids[:3]
    assert (answer.json["counts"], answer.json["more"]) == ({"queued": 5, "refused": 1}, False)
    assert row(connection, "domains", ids[0])["status"] == "New"
    assert len(results(api.post("/domains/curation", wanted, Idempotency_Key="one"))) == 6


def test_a_dry_run_does_not_wait_for_locked_records(api: Api, connection: Connection, engine: Engine) -> None:
    (held,) = domains(connection, "a.example")
    with engine.begin() as other:
        other.execute(text("SELECT 1 FROM domains WHERE id = :id FOR UPDATE"), {"id": held})
        wanted = {"curation_status": "Selected", "ids": [held], "dry_run": True}
        assert results(api.post("/domains/curation", wanted)) == ["queued"]


def test_an_unknown_record_is_refused_and_the_others_are_curated(api: Api, connection: Connection) -> None:
    (record_id,) = domains(connection, "a.example")
    answer = api.post("/domains/curation", {"ids": [record_id, 999], "curation_status": "Selected"})
    assert results(answer) == ["queued", "refused"]
    assert answer.json["counts"] == {"queued": 1, "refused": 1}
    assert answer.json["results"][1] == {"id": 999, "result": "refused", "why": "domains has no record 999"}


def test_a_sitemap_index_may_be_archived_but_never_queued(api: Api, connection: Connection) -> None:
    record_id = one_of(connection, IMPORT.model)
    connection.execute(text("UPDATE sitemap_files SET sitemap_type = 'index'"))
    answer = api.post("/sitemap-files/curation", {"ids": [record_id], "curation_status": "Selected"})
    assert results(answer) == ["refused"]
    assert "index" in answer.json["results"][0]["why"]
    assert results(api.post("/sitemap-files/curation", {"ids": [record_id], "curation_status": "Archived"})) == ["set"]


def test_a_filter_curates_matching_records_up_to_the_limit_and_reports_more(api: Api, connection: Connection) -> None:
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
def test_an_invalid_decision_is_rejected_by_field_and_changes_nothing(
    api: Api, connection: Connection, body: dict[str, Any], field: str, why: str
) -> None:
    domains(connection, "a.example")
    answer = api.post("/domains/curation", body)
    assert (answer.status, answer.content_type) == (422, "application/problem+json")
    (error,) = answer.json["errors"]
    assert error["field"] == field
    assert why in error["message"]
    assert connection.execute(text("SELECT count(*) FROM domains WHERE curation_status <> 'New'")).scalar_one() == 0


def test_an_incomplete_json_body_is_a_422(api: Api) -> None:
    answer = api.send("POST", "/domains", "{", headers={"content-type": "application/json"})
    assert (answer.status, answer.content_type) == (422, "application/problem+json")


@pytest.mark.parametrize("body", ["[" * 100_000, '{"domain": ' + "9" * 5_000 + "}", "domain=a.example", b"\xff"])
def test_an_unreadable_body_is_a_422_that_names_the_body(api: Api, body: str | bytes) -> None:
    encoded = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    headers = {"content-type": "application/json"}
    answer = api.send("POST", "/domains", encoded, headers=headers, encoded=isinstance(body, bytes))
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "body")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/vnd.api+json"])
def test_the_error_for_an_unsupported_media_type_names_the_supported_one(api: Api, media_type: str) -> None:
    answer = api.send("POST", "/domains", '{"domain": "a.example"}', headers={"content-type": media_type})
    assert (answer.status, answer.json["errors"][0]["field"]) == (415, "Content-Type")
    assert answer.content_type == "application/problem+json"
    assert "; send application/json" in answer.json["detail"]


def test_json_is_read_with_a_charset_parameter_and_without_a_content_type(api: Api) -> None:
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
        ("/domains/curation", {"filter": {"error_code": "\ud800"}, "curation_status": "New"}, "filter.error_code"),
        ("/dev-tools/pause", {"action": "pause", "workflow": "metadata", "reason": "\0"}, "reason"),
        ("/dev-tools/pause", {"action": "pause", "workflow": "metadata", "reason": " \n"}, "reason"),
        # pydantic would convert these
        ("/domains/curation", {"ids": [True], "curation_status": "New"}, "ids.0"),
        ("/domains/curation", {"ids": ["1"], "curation_status": "New"}, "ids.0"),
        ("/domains/curation", {"ids": [1], "spread_seconds": False, "curation_status": "New"}, "spread_seconds"),
        ("/domains/curation", {"filter": {"is_wordpress": 1}, "curation_status": "New"}, "filter.is_wordpress"),
        ("/domains/curation", {"filter": {"created_after": 0}, "curation_status": "New"}, "filter.created_after"),
        ("/domains/curation", {"filter": {"status": None}, "curation_status": "New"}, "filter.status"),
        ("/places", {"place_id": "ChIJ1", "latitude": "1.5"}, "latitude"),
        ("/places", [{"place_id": "ChIJ1"}], "body"),
    ],
)
def test_values_of_another_type_or_that_postgres_cannot_store_are_rejected_by_field(
    api: Api, path: str, body: Any, field: str
) -> None:
    answer = api.post(path, body)
    assert (answer.status, [error["field"] for error in answer.json["errors"]]) == (422, [field])


def test_a_whole_number_may_be_written_with_a_fraction(api: Api, connection: Connection) -> None:
    (one,) = domains(connection, "a.example")
    assert results(api.post("/domains/curation", {"ids": [float(one)], "curation_status": "Maybe"})) == ["set"]


def test_a_statement_timeout_is_a_503_and_changes_nothing(
    environment: dict[str, str], connection: Connection, engine: Engine
) -> None:
    (held,) = domains(connection, "a.example")
    application = Application({**environment, "DATABASE_STATEMENT_TIMEOUT_SECONDS": "0.2"})
    with engine.begin() as other:
        other.execute(text("SELECT 1 FROM domains WHERE id = :id FOR UPDATE"), {"id": held})
        answer = Api(application).post("/domains/curation", {"ids": [held], "curation_status": "Archived"})
    application.dependencies.database.engine.dispose()
    assert (answer.status, answer.content_type) == (503, "application/problem+json")
    assert "too long" in answer.json["detail"]
    assert row(connection, "domains", held)["curation_status"] == "New"


def lose_races(connection: Connection, state: str, number: int) -> None:
    """Let the first ``number`` transactions that change a domain end with SQLSTATE ``state``, as victims of a race."""
    for statement in (
        "CREATE SEQUENCE tries",  # unlike a row, it survives the rollback
        "GRANT USAGE ON SEQUENCE tries TO PUBLIC",
        f"""CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('tries') <= {number} THEN RAISE EXCEPTION USING ERRCODE = '{state}'; END IF; RETURN NULL; END $$""",
        "CREATE TRIGGER lose AFTER UPDATE ON domains FOR EACH STATEMENT EXECUTE FUNCTION lose()",
    ):
        connection.execute(text(statement))


@pytest.mark.parametrize("headers", [{}, {"Idempotency_Key": "one"}])
@pytest.mark.parametrize("state", sorted(LOST_RACE))
def test_a_request_that_loses_a_race_for_locks_is_tried_again(
    api: Api, connection: Connection, state: str, headers: dict[str, str]
) -> None:
    (record_id,) = domains(connection, "a.example")
    lose_races(connection, state, 2)
    body = {"ids": [record_id], "curation_status": "Selected"}
    assert results(api.post("/domains/curation", body, **headers)) == ["queued"]
    assert row(connection, "domains", record_id)["status"] == "Queued"


def test_a_request_that_loses_every_race_is_a_503_and_changes_nothing(api: Api, connection: Connection) -> None:
    (record_id,) = domains(connection, "a.example")
    lose_races(connection, "40P01", TRIES)
    answer = api.post("/domains/curation", {"ids": [record_id], "curation_status": "Selected"})
    assert (answer.status, "send the request again" in answer.json["detail"]) == (503, True)
    assert row(connection, "domains", record_id)["status"] == "New"


def test_curation_does_not_wait_for_a_row_that_refers_to_the_record(
    api: Api, engine: Engine, connection: Connection
) -> None:
    (record_id,) = domains(connection, "a.example")
    with engine.begin() as other:
        other.execute(text("INSERT INTO sitemaps (domain_id) VALUES (:id)"), {"id": record_id})
        answer = api.post("/domains/curation", {"ids": [record_id], "curation_status": "Maybe"})
    assert results(answer) == ["set"]


def test_the_statement_timeout_is_shorter_than_the_functions_timeout(environment: dict[str, str]) -> None:
    application = Application({**environment, "DATABASE_STATEMENT_TIMEOUT_SECONDS": "60"})
    assert application.dependencies.settings.database_statement_timeout_seconds < TIMEOUT_SECONDS
    application.dependencies.database.engine.dispose()


def test_more_records_than_the_cap_are_rejected(environment: dict[str, str]) -> None:
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
    application.dependencies.database.engine.dispose()


def test_a_repeated_key_and_request_is_carried_out_once_and_returns_the_same_answer(
    api: Api, connection: Connection
) -> None:
    body = {"domain": "a.example"}
    first = api.post("/domains", body, Idempotency_Key="one")
    second = api.post("/domains", body, Idempotency_Key="one")
    assert first.json == second.json
    assert results(second) == ["created"]
    assert connection.execute(text("SELECT count(*) FROM idempotency_keys")).scalar_one() == 1


def test_a_key_used_for_another_request_is_rejected(api: Api, connection: Connection) -> None:
    api.post("/domains", {"domain": "a.example"}, Idempotency_Key="one")
    answer = api.post("/domains", {"domain": "b.example"}, Idempotency_Key="one")
    assert (answer.status, answer.json["errors"][0]["field"]) == (409, "Idempotency-Key")
    assert connection.execute(text("SELECT count(*) FROM domains")).scalar_one() == 1


def test_each_caller_has_their_own_keys(api: Api) -> None:
    api.post("/domains", {"domain": "a.example"}, Idempotency_Key="one")
    assert results(Api(api.application, caller="bob").post("/domains", {"domain": "b.example"}, Idempotency_Key="one"))


def test_a_failed_request_does_not_use_up_its_key(api: Api) -> None:
    bad = {"filter": {"status": "New"}, "limit": 100_000, "curation_status": "New"}
    assert api.post("/domains/curation", bad, Idempotency_Key="one").status == 422
    assert api.post("/domains", {"domain": "a.example"}, Idempotency_Key="one").status == 201


def test_an_expired_key_that_is_not_deleted_yet_can_be_used_again(api: Api, connection: Connection) -> None:
    api.post("/domains", {"domain": "a.example"}, Idempotency_Key="one")
    connection.execute(text("UPDATE idempotency_keys SET expires_at = now() - interval '1 second'"))
    connection.execute(
        text(
            "INSERT INTO idempotency_keys (caller, key, request_hash, expires_at)"
            " SELECT 'ada', 'old ' || n, '', now() - interval '1 day' FROM generate_series(1, :many) n"
        ),
        {"many": MAX_EXPIRED_DELETED},
    )
    body = {"domain": "b.example"}
    assert results(api.post("/domains", body, Idempotency_Key="one")) == ["created"]
    assert list(connection.execute(text("SELECT key FROM idempotency_keys")).scalars()) == ["one"]
    assert results(api.post("/domains", body, Idempotency_Key="one")) == ["created"]  # from the stored answer
    assert connection.execute(text("SELECT count(*) FROM domains")).scalar_one() == 2


def test_expired_keys_can_be_used_again_and_are_deleted(api: Api, connection: Connection) -> None:
    for name in ("one", "two"):
        api.post("/domains", {"domain": f"{name}.example"}, Idempotency_Key=name)
    connection.execute(text("UPDATE idempotency_keys SET expires_at = now() - interval '1 second'"))
    assert results(api.post("/domains", {"domain": "three.example"}, Idempotency_Key="one")) == ["created"]
    assert list(connection.execute(text("SELECT key FROM idempotency_keys")).scalars()) == ["one"]


@pytest.mark.parametrize("key", ["", "x" * 201, "a\x00b"])
def test_an_invalid_key_is_rejected(api: Api, key: str) -> None:
    answer = api.post("/domains", {"domain": "a.example"}, Idempotency_Key=key)
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "Idempotency-Key")


def test_a_concurrent_request_with_the_same_key_waits_and_returns_the_first_answer(
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
        answer = pool.submit(api.post, "/domains", body, Idempotency_Key="one")
        while connection.execute(WAITING).scalar_one() < 1:
            pass
        earlier.commit()
        assert answer.result().json == first
    assert connection.execute(text("SELECT count(*) FROM domains")).scalar_one() == 0


WAITING = text("""
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'api'
    AND wait_event_type = 'Lock'
""")


def test_curation_waits_for_a_concurrent_claim_and_is_then_refused(
    api: Api, engine: Engine, connection: Connection
) -> None:
    (record_id,) = domains(connection, "a.example", status="Queued")
    with ThreadPoolExecutor(1) as pool, engine.begin() as claiming:
        seize(claiming, [record_id])
        answer = pool.submit(api.post, "/domains/curation", {"ids": [record_id], "curation_status": "Selected"})
        while connection.execute(WAITING).scalar_one() < 1:
            pass
        claiming.commit()
        assert results(answer.result()) == ["refused"]
