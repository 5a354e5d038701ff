"""The curation API adds records (one, many, or a CSV file) and reports the result of each row."""

import base64
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from api import adding
from scrapersky.runtime.registry import DISCOVERY
from scrapersky.status.claim import claim
from scrapersky.web.sitemaps import Entry
from scrapersky.web.urls import NormalUrl
from sitemap_import_scheduler.spool import Spool
from tests.integration.api import ADA, Api, domains, results, row

pytestmark = pytest.mark.usefixtures("invariants_hold")

SHOP = "shop.example"
ADDED = [
    ("places", "places", {"place_id": "ChIJ1"}, "deep_scan_status"),
    ("local-businesses", "local_businesses", {"place_id": "ChIJ1"}, "domain_extraction_status"),
    ("sitemaps", "sitemaps", {"domain": SHOP}, "status"),
    ("sitemap-files", "sitemap_files", {"domain": SHOP, "url": f"https://{SHOP}/map.xml"}, "sitemap_import_status"),
    ("pages", "pages", {"domain": SHOP, "url": f"https://{SHOP}/contact/"}, "page_reading_status"),
]
"""(path, table and field of the rows, a row, the status that Selected makes Queued)."""
RESOURCES = pytest.mark.parametrize(("path", "table", "given", "status"), ADDED, ids=[one[0] for one in ADDED])


@RESOURCES
def test_adding_an_existing_record_reports_exists_and_changes_nothing(
    api: Api, connection: Connection, path: str, table: str, given: dict[str, Any], status: str
) -> None:
    domains(connection, SHOP)
    answer = api.post(f"/{path}", given)
    assert (answer.status, results(answer)) == (201, ["created"])
    record_id = answer.json["results"][0]["id"]
    connection.execute(text(f"UPDATE {table} SET curation_status = 'Maybe'"))
    before = row(connection, table, record_id)
    assert before[status] == "New"
    (again,) = api.post(f"/{path}", {**given, "curation_status": "Selected"}).json["results"]
    assert (again["result"], again["id"]) == ("exists", record_id)
    assert row(connection, table, record_id) == before


@RESOURCES
def test_a_record_added_as_selected_is_queued_and_the_audit_trail_names_the_caller(
    api: Api, connection: Connection, path: str, table: str, given: dict[str, Any], status: str
) -> None:
    domains(connection, SHOP)
    answer = api.post(f"/{path}/bulk", {table: [{**given, "curation_status": "Selected"}, given]})
    assert results(answer) == ["queued", "duplicate"]
    first, second = answer.json["results"]
    assert (second["row"], second["why"], second["id"]) == (2, "the same as row 1", first["id"])
    stored = row(connection, table, first["id"])
    assert stored["curation_status"] == "Selected"
    events = connection.execute(text("SELECT actor, reason, to_status FROM status_events")).all()
    assert [tuple(one) for one in events] == [(f"api:{ADA}", "added", "Queued")]
    assert (stored[status], stored[status.replace("status", "due_at")] is not None) == ("Queued", True)


def test_a_repeated_idempotency_key_adds_once_and_returns_the_same_answer(api: Api, connection: Connection) -> None:
    domains(connection, SHOP)
    for path, table, given, _ in ADDED:
        first, second = (api.post(f"/{path}/bulk", {table: [given]}, Idempotency_Key=path) for _ in range(2))
        assert results(first) == ["created"]
        assert first.json == second.json


def test_a_scan_added_as_selected_is_claimed_by_discovery(api: Api, connection: Connection) -> None:
    domains(connection, SHOP)
    (added,) = api.post("/sitemaps", {"domain": SHOP, "curation_status": "Selected"}).json["results"]
    held = claim(connection, DISCOVERY, batch=10, max_in_flight=10, dispatch_lease=60, trigger="schedule")
    assert [claimed.record_id for claimed in held] == [added["id"]]


INVALID_DOMAINS: list[tuple[dict[str, Any], str]] = [
    ({}, "domain_id, domain: neither was given; exactly one of them is needed"),
    ({"domain_id": 1, "domain": SHOP}, "domain_id, domain: 1 and 'shop.example' were given; exactly one of"),
    ({"domain_id": 999}, "domain_id: there is no domain 999; "),
    ({"domain": "www.other.example"}, "domain: 'other.example' is unknown; add it by POST /domains first"),
    ({"domain": "no domain"}, "domain: 'no domain' is not a host"),
]


@pytest.mark.parametrize("path", ["sitemaps", "sitemap-files", "pages"])
def test_a_row_without_a_known_domain_is_refused_and_the_others_are_added(
    api: Api, connection: Connection, path: str
) -> None:
    (domain_id,) = domains(connection, SHOP)
    url = {} if path == "sitemaps" else {"url": f"https://{SHOP}/"}
    rows = [{**url, **named} for named, _ in INVALID_DOMAINS] + [{**url, "domain_id": domain_id}]
    answer = api.post(f"/{path}/bulk", {path.replace("-", "_"): rows})
    assert results(answer) == ["refused"] * len(INVALID_DOMAINS) + ["created"]
    for refused, (_, why) in zip(answer.json["results"][:-1], INVALID_DOMAINS, strict=True):
        assert refused["why"].startswith(why)


INVALID_URLS = [
    ("https://cdn.example/x.xml", "on cdn.example; a url on shop.example is needed"),
    ("https://shop.example.evil.example/", "on shop.example.evil.example"),
    ("https://127.0.0.1/", "on no website's host"),
    ("ftp://shop.example/x.xml", "absolute http or https url"),
    ("https://ada:secret@shop.example/", "without a login"),
    (f"https://{SHOP}:8443/x.xml", "on port 8443; the crawler uses only ports 80, 443"),
    ("/x.xml", "absolute http or https url"),
    ("", "absolute http or https url"),
    (f"https://{SHOP}/{'x' * 2_048}", "at most 2,048 characters"),
]


@pytest.mark.parametrize("path", ["sitemap-files", "pages"])
def test_an_invalid_url_or_one_on_another_host_is_refused_and_the_others_are_added(
    api: Api, connection: Connection, path: str
) -> None:
    domains(connection, SHOP)
    urls = [*(url for url, _ in INVALID_URLS), f"HTTPS://WWW.{SHOP}:443/a/../b#c"]
    answer = api.post(f"/{path}/bulk", {path.replace("-", "_"): [{"domain": SHOP, "url": url} for url in urls]})
    assert results(answer) == ["refused"] * len(INVALID_URLS) + ["created"]
    *refused, added = answer.json["results"]
    assert added["url"] == f"https://www.{SHOP}/b"
    for one, (url, where) in zip(refused, INVALID_URLS, strict=True):
        assert one["why"].startswith(f"url: {url[:100]!r} is ")
        assert where in one["why"]


def test_records_of_a_domain_get_its_tenant_and_are_marked_as_added_manually(api: Api, connection: Connection) -> None:
    domains(connection, SHOP)
    connection.execute(text("UPDATE domains SET tenant = 'north'"))
    found = {
        path: row(connection, table, api.post(f"/{path}", given).json["results"][0]["id"])
        for path, table, given, _ in ADDED[2:]
    }
    assert {one["tenant"] for one in found.values()} == {"north"}
    assert found["sitemap-files"]["discovery_method"] == "manual"
    page = found["pages"]
    assert (page["page_type"], page["path_depth"], page["lead_source"]) == ("contact", 1, "manual")
    assert not page["other_host"]


def test_an_import_that_finds_an_added_page_keeps_its_lead_source_and_decision(
    api: Api, connection: Connection, engine: Engine
) -> None:
    (domain_id,) = domains(connection, SHOP)
    url = f"https://{SHOP}/contact/"
    (page,) = api.post("/pages", {"domain": SHOP, "url": url, "curation_status": "Maybe"}).json["results"]
    (file,) = api.post("/sitemap-files", {"domain": SHOP, "url": f"https://{SHOP}/map.xml"}).json["results"]
    spool = Spool(SHOP)
    spool.add([Entry(NormalUrl(url), priority=0.5)])
    with engine.begin() as importing:
        spool.store(importing, domain_id=domain_id, sitemap_file_id=file["id"], tenant="default")
    now = row(connection, "pages", page["id"])
    assert (now["lead_source"], now["curation_status"], float(now["priority"])) == ("manual", "Maybe", 0.5)
    assert (now["page_type"], now["path_depth"], now["other_host"]) == ("contact", 1, False)


def test_a_website_is_stored_normalised_and_an_invalid_one_is_refused(api: Api, connection: Connection) -> None:
    given = ["HTTPS://Shop.example", "shop.example", "https://127.0.0.1/", "mailto:a@shop.example", None]
    rows = [{"place_id": f"ChIJ{number}", "website_url": url} for number, url in enumerate(given)]
    answer = api.post("/local-businesses/bulk", {"local_businesses": rows})
    assert results(answer) == ["created", "refused", "refused", "refused", "created"]
    for one, url in zip(answer.json["results"][1:4], given[1:4], strict=True):
        assert one["why"].startswith(f"website_url: {url!r} is ")
    stored = connection.execute(text("SELECT website_url FROM local_businesses ORDER BY place_id")).scalars()
    assert list(stored) == ["https://shop.example/", None]


def test_rows_beyond_the_limit_of_one_statement_are_all_added(
    api: Api, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "ROWS_PER_STATEMENT", 2)
    names = [f"{letter}.example" for letter in "abcde"]
    domains(connection, *names)
    for path, table, given, _ in ADDED:
        rows = [
            {key: value.replace(SHOP, each).replace("ChIJ1", each[0]) for key, value in given.items()} for each in names
        ]
        assert results(api.post(f"/{path}/bulk", {table: rows[:3]})) == ["created"] * 3
        assert results(api.post(f"/{path}/bulk", {table: rows})) == ["exists"] * 3 + ["created"] * 2


def test_a_domain_is_stored_normalised_and_a_second_time_exists(api: Api, connection: Connection) -> None:
    answer = api.post("/domains", {"domain": "HTTPS://WWW.Shop.example:443/about"})
    assert answer.status == 201
    (added,) = answer.json["results"]
    assert (added["result"], added["domain"]) == ("created", "shop.example")
    (again,) = api.post("/domains", {"domain": "shop.example"}).json["results"]
    assert (again["result"], again["id"]) == ("exists", added["id"])
    assert row(connection, "domains", added["id"])["status"] == "New"


def test_domains_in_bulk_get_one_result_per_row(api: Api, connection: Connection) -> None:
    domains(connection, "old.example")
    given = ["New.example", "old.example", "http://new.example/", "127.0.0.1", ""]
    answer = api.post("/domains/bulk", {"domains": given, "curation_status": "Selected"})
    assert results(answer) == ["queued", "exists", "duplicate", "refused", "refused"]
    assert [one["row"] for one in answer.json["results"]] == [1, 2, 3, 4, 5]
    assert answer.json["results"][2]["why"] == "the same as row 1"
    statuses = {row.domain: row.status for row in connection.execute(text("SELECT domain, status FROM domains"))}
    assert statuses == {"new.example": "Queued", "old.example": "New"}


def test_the_results_of_a_csv_file_name_the_line_of_each_row(api: Api) -> None:
    body = "\ufeffName;Website\r\nA;https://www.a.example/\r\n\r\nB;a.example\r\nC;no host\r\nD\r\n"
    encoded = base64.b64encode(body.encode()).decode()
    answer = api.send(
        "POST", "/domains/csv", encoded, headers={"content-type": "text/csv; charset=utf-8"}, encoded=True
    )
    assert [(one["row"], one["result"]) for one in answer.json["results"]] == [
        (2, "created"),
        (4, "duplicate"),
        (5, "refused"),
        (6, "refused"),
    ]


@pytest.mark.parametrize(
    ("path", "given", "named"),
    [
        ("domains", {"domain": "no domain"}, "no domain"),
        ("sitemaps", {"domain": "nowhere.example"}, "nowhere.example"),
        ("pages", {"domain": SHOP, "url": "https://other.example/"}, "other.example"),
        ("sitemap-files", {"domain": SHOP, "url": f"https://{SHOP}:8080/x.xml"}, "on port 8080"),
    ],
)
def test_a_single_record_that_is_refused_is_a_409_and_does_not_use_up_its_idempotency_key(
    api: Api, path: str, given: dict[str, str], named: str
) -> None:
    api.post("/domains", {"domain": SHOP})
    refused = api.post(f"/{path}", given, Idempotency_Key="k")
    assert (refused.status, named in refused.json["detail"]) == (409, True)
    assert api.post("/domains", {"domain": "later.example"}, Idempotency_Key="k").status == 201


def test_a_csv_file_of_one_column_needs_no_header(api: Api) -> None:
    answer = api.send("POST", "/domains/csv", "a.example\nb.example\n", headers={"content-type": "text/csv"})
    assert answer.json["counts"] == {"created": 2}


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        ("", 422, "empty"),
        ("name,city\nA,B\n", 409, "no column named domain"),
        ("firm\nShop Ltd\n", 409, "no line is a host"),
    ],
)
def test_a_csv_file_without_a_domain_column_or_rows_is_rejected_with_the_reason(
    api: Api, body: str, status: int, why: str
) -> None:
    answer = api.send("POST", "/domains/csv", body, headers={"content-type": "text/csv"})
    assert (answer.status, answer.json["errors"][0]["field"]) == (status, "body")
    assert why in answer.json["detail"]


def test_a_csv_file_whose_quotes_are_not_closed_is_read(api: Api) -> None:
    assert results(api.send("POST", "/domains/csv", 'domain\n"a', headers={"content-type": "text/csv"})) == ["refused"]


def test_a_file_that_is_not_utf_8_or_not_csv_is_rejected(api: Api) -> None:
    encoded = base64.b64encode("domain\nmünchen.de\n".encode("latin-1")).decode()
    answer = api.send("POST", "/domains/csv", encoded, headers={"content-type": "text/csv"}, encoded=True)
    assert (answer.status, "UTF-8" in answer.json["detail"]) == (422, True)
    assert api.post("/domains/csv", {"domains": []}).status == 415


@pytest.mark.parametrize(
    "file",
    [
        "\ufeffdomain\tname\r\na.example\tA\r\n".encode("utf-16-le"),
        "\ufeffdomain;name\r\na.example;A\r\n".encode("utf-16-be"),
        b"sep=|\r\ndomain|name\r\na.example|A\r\n",
        b"sep=;\ndomain\na.example\n",
    ],
)
def test_files_written_by_excel_are_read(api: Api, file: bytes) -> None:
    encoded = base64.b64encode(file).decode()
    answer = api.send("POST", "/domains/csv", encoded, headers={"content-type": "text/csv"}, encoded=True)
    assert [one["domain"] for one in answer.json["results"]] == ["a.example"]


def test_places_are_identified_by_googles_ids(api: Api, connection: Connection) -> None:
    body = {"places": [{"place_id": "ChIJ1", "name": "A"}, {"place_id": "ChIJ1"}, {"place_id": "ChIJ2"}]}
    assert results(api.post("/places/bulk", body)) == ["created", "duplicate", "created"]
    assert results(api.post("/places", {"place_id": "ChIJ1"})) == ["exists"]
    assert results(api.post("/places", {"place_id": "ChIJ3", "curation_status": "Selected"})) == ["queued"]
    found = connection.execute(text("SELECT place_id, deep_scan_status FROM places"))
    statuses = {row.place_id: row.deep_scan_status for row in found}
    assert statuses == {"ChIJ1": "New", "ChIJ2": "New", "ChIJ3": "Queued"}


@pytest.mark.parametrize(
    "file", ["domain\n", "domain", "\ufeffdomain\n", "sep=;\r\ndomain;name\r\n", "domain,name\n\n"]
)
def test_a_csv_file_with_a_head_and_no_rows_adds_nothing(api: Api, file: str) -> None:
    for key in ({}, {"idempotency-key": "k" * 20}):
        answer = api.send("POST", "/domains/csv", file, headers={"content-type": "text/csv", **key})
        assert (answer.status, answer.json["results"]) == (200, [])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "latin-1"])
def test_json_that_is_not_utf_8_is_refused(api: Api, encoding: str) -> None:
    body = base64.b64encode('{"domain": "é.example"}'.encode(encoding)).decode()
    assert api.send("POST", "/domains", body, headers={"content-type": "application/json"}, encoded=True).status == 422


@pytest.mark.parametrize("media_type", ["Application/JSON", "APPLICATION/JSON; charset=utf-8", "application/json ;a=b"])
def test_media_types_are_compared_without_case(api: Api, media_type: str) -> None:
    headers = {"content-type": media_type}
    assert api.send("POST", "/domains", '{"domain": "a.example"}', headers=headers).status == 201
    headers = {"content-type": "Text/CSV; Header=present"}
    assert api.send("POST", "/domains/csv", "domain\nb.example\n", headers=headers).status == 200
