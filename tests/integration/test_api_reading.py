"""The curation API reads: listings, filters, cursors, single records, the OpenAPI document, errors."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, Engine, text

from api import late_commits
from api.application import Application
from tests.integration.api import Api
from tests.integration.api import domains as add_domains

RESOURCES = ("places", "local-businesses", "domains", "sitemaps", "sitemap-files", "pages")


@pytest.fixture
def domains(connection: Connection) -> list[int]:
    """Add seven domains; the last two are Selected and Queued."""
    rows = connection.execute(
        text("""
            INSERT INTO domains (domain, status, curation_status)
            SELECT 'shop-' || n || '.example', (CASE WHEN n > 5 THEN 'Queued' ELSE 'New' END)::work_status,
                   (CASE WHEN n > 5 THEN 'Selected' ELSE 'New' END)::curation_status
            FROM generate_series(1, 7) AS n RETURNING id
        """)
    )
    return list(rows.scalars())


def pages_of(api: Api, path: str, **filters: object) -> Iterator[list[int]]:
    """Yield the ids of each page of a listing."""
    cursor: dict[str, object] = {}
    while True:
        answer = api.get(path, **filters, **cursor)
        assert answer.status == 200, answer.json
        yield [item["id"] for item in answer.json["items"]]
        if answer.json["next"] is None:
            return
        cursor = {"cursor": answer.json["next"]}


def test_the_pages_of_a_listing_show_every_record_once(api: Api, domains: list[int]) -> None:
    assert list(pages_of(api, "/domains", limit=3)) == [domains[:3], domains[3:6], domains[6:]]


def test_a_full_last_page_has_no_next_cursor(api: Api, domains: list[int]) -> None:
    assert list(pages_of(api, "/domains", limit=7)) == [domains]


def test_records_added_or_deleted_between_two_pages_neither_hide_nor_repeat_others(
    api: Api, domains: list[int], connection: Connection
) -> None:
    pages = pages_of(api, "/domains", limit=4)
    first = next(pages)
    connection.execute(text("DELETE FROM domains WHERE id = :id"), {"id": first[0]})
    connection.execute(text("INSERT INTO domains (domain) VALUES ('late.example')"))
    assert first + next(pages) == [*domains, domains[-1] + 1]


def test_several_filters_must_all_hold(api: Api, domains: list[int]) -> None:
    assert list(pages_of(api, "/domains", status="Queued")) == [domains[5:]]
    assert list(pages_of(api, "/domains", status="Queued", search="SHOP-7")) == [domains[6:]]
    assert list(pages_of(api, "/domains", status="New", curation_status="Selected")) == [[]]


@pytest.mark.parametrize("path", [path for path in RESOURCES if path != "places"])
def test_listings_filter_by_the_domain_as_people_write_it(api: Api, connection: Connection, path: str) -> None:
    for name in ("shop.example", "cafe.example"):
        place = {"place_id": name.partition(".")[0]}
        url = {"domain": name, "url": f"https://{name}/x"}
        given = {"domains": {"domain": name}, "sitemaps": {"domain": name}, "local-businesses": place}.get(path, url)
        api.post("/domains", {"domain": name})
        api.post(f"/{path}", given)
    connection.execute(text("UPDATE local_businesses SET domain_id = id"))
    for written, count in (("HTTPS://www.Shop.example/x", 1), ("nowhere.example", 0), ("no host", 0)):
        assert len(api.get(f"/{path}", domain=written).json["items"]) == count


def test_wildcards_in_a_search_are_literal(api: Api, domains: list[int]) -> None:
    assert list(pages_of(api, "/domains", search="%")) == [[]]
    assert list(pages_of(api, "/domains", search="shop_1")) == [[]]


def test_listings_filter_by_time_of_creation(api: Api, domains: list[int]) -> None:
    assert list(pages_of(api, "/domains", created_before="2020-01-01T00:00:00Z")) == [[]]
    assert list(pages_of(api, "/domains", created_after="2020-01-01T00:00:00Z")) == [domains]


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"status": "Pending"}, "status"),
        ({"limit": 0}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"curation": "New"}, "curation"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"cursor": "places.1"}, "cursor"),
        ({"is_wordpress": "perhaps"}, "is_wordpress"),
        ({"cursor": "[" * 50_000}, "cursor"),
        ({"is_wordpress": "1"}, "is_wordpress"),
        ({"limit": "5.0"}, "limit"),
        ({"created_after": "0"}, "created_after"),
        ({"search": "a\0b"}, "search"),
        ({"created_before": "9999-12-31T23:59:59-14:00"}, "created_before"),
    ],
)
def test_the_error_for_an_invalid_parameter_names_it(api: Api, parameters: dict[str, object], field: str) -> None:
    answer = api.get("/domains", **parameters)
    assert answer.status == 422
    assert answer.content_type == "application/problem+json"
    assert [error["field"] for error in answer.json["errors"]] == [field]


@pytest.mark.parametrize("path", RESOURCES)
def test_an_empty_resource_lists_nothing_and_answers_404_for_a_record(api: Api, path: str) -> None:
    assert api.get(f"/{path}").json == {"items": [], "next": None}
    answer = api.get(f"/{path}/1")
    assert (answer.status, answer.content_type) == (404, "application/problem+json")
    assert "has no record 1" in answer.json["detail"]


def test_a_single_record_equals_its_entry_in_a_listing(api: Api, domains: list[int]) -> None:
    (listed,) = api.get("/domains", search="shop-7").json["items"]
    assert api.get(f"/domains/{domains[6]}").json == listed
    assert listed["domain"] == "shop-7.example"
    assert (listed["status"], listed["curation_status"], listed["failures"]) == ("Queued", "Selected", 0)


@pytest.mark.parametrize("record_id", ["0", "-1", "seven", "9223372036854775808"])
def test_an_invalid_id_is_rejected(api: Api, record_id: str) -> None:
    answer = api.get(f"/domains/{record_id}")
    assert answer.status == 422
    assert answer.json["errors"][0]["field"] == "record_id"


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("POST", "/domains/1/2")])
def test_an_unknown_route_is_a_404_problem_document(api: Api, method: str, path: str) -> None:
    answer = api.send(method, path, None)
    assert (answer.status, answer.content_type) == (404, "application/problem+json")
    assert f"there is no route {method} {path};" in answer.json["detail"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/domains/1", "GET"),
        ("GET", "/dev-tools/run", "POST"),
        ("GET", "/domains/bulk", "POST"),
        ("PUT", "/domains", "GET, POST"),
    ],
)
def test_a_method_that_a_path_does_not_take_is_a_405_that_names_the_others(
    api: Api, method: str, path: str, allowed: str
) -> None:
    answer = api.send(method, path, None)
    assert (answer.status, answer.headers["Allow"], answer.content_type) == (405, allowed, "application/problem+json")


def test_the_openapi_document_describes_every_route_and_resolves(api: Api) -> None:
    document = api.get("/openapi.json").json
    assert document["openapi"].startswith("3.")
    assert document["servers"] == [{"url": "."}]
    for path in RESOURCES:
        assert set(document["paths"][f"/{path}"]) == {"get", "post"}
        assert set(document["paths"][f"/{path}/bulk"]) == {"post"}
        assert set(document["paths"][f"/{path}/curation"]) == {"post"}
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', str(document).replace("'", '"')))
    assert named <= set(document["components"]["schemas"])
    parameters = {one["name"] for one in document["paths"]["/domains"]["get"]["parameters"]}
    assert parameters >= {"status", "curation_status", "cursor", "limit", "search"}


def test_routes_that_change_records_accept_only_post(api: Api) -> None:
    document = api.get("/openapi.json").json
    for path, operations in document["paths"].items():
        if "dev-tools" in path or path.endswith(("/curation", "/bulk", "/csv")):
            assert set(operations) == {"post"}, path


@contextmanager
def open_insert(engine: Engine, domain: str) -> Iterator[Connection]:
    """Insert a domain in a transaction that is open until the block, or the test in it, commits."""
    with engine.connect() as slow:
        slow.execute(text("INSERT INTO domains (domain) VALUES (:domain)"), {"domain": domain})
        yield slow


def test_a_page_ends_before_a_record_that_is_not_committed_and_shows_it_later(
    api: Api, engine: Engine, connection: Connection
) -> None:
    first = add_domains(connection, "shop-1.example")
    with open_insert(engine, "shop-late.example") as slow:
        rest = add_domains(connection, "cafe.example", "shop-2.example", "shop-3.example")
        pages = pages_of(api, "/domains", search="shop", limit=2)
        assert next(pages) == first
        assert next(pages) == []
        slow.commit()
    assert list(pages) == [[rest[0] - 1, rest[1]], [rest[2]]]


def test_the_last_page_is_not_the_last_while_a_lower_id_is_not_committed(api: Api, engine: Engine) -> None:
    with open_insert(engine, "late.example") as slow, open_insert(engine, "shop.example") as fast:
        fast.commit()
        pages = pages_of(api, "/domains")
        assert next(pages) == []
        slow.commit()
    assert list(pages) == [[1, 2]]


@pytest.mark.parametrize(("end", "shown"), [("commit", [1, 2]), ("rollback", [2])])
def test_a_listing_waits_for_a_transaction_that_ends_soon(
    environment: dict[str, str],
    engine: Engine,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    end: str,
    shown: list[int],
) -> None:
    application = Application({**environment, "API_LISTING_WAIT_SECONDS": "10"})
    with open_insert(engine, "late.example") as slow:
        add_domains(connection, "shop.example")
        monkeypatch.setattr(late_commits, "sleep", lambda _: getattr(slow, end)())
        assert list(pages_of(Api(application), "/domains")) == [shown]
    application.dependencies.database.engine.dispose()


def test_an_id_that_was_never_committed_does_not_end_a_page(api: Api, engine: Engine, connection: Connection) -> None:
    with open_insert(engine, "rolled-back.example") as slow:
        slow.rollback()
    (shop,) = add_domains(connection, "shop.example")
    assert list(pages_of(api, "/domains")) == [[shop]]


def test_an_open_transaction_does_not_shorten_pages_without_a_gap(
    api: Api, engine: Engine, connection: Connection
) -> None:
    ids = add_domains(connection, "shop-1.example", "shop-2.example", "shop-3.example")
    with open_insert(engine, "late.example"):
        assert list(pages_of(api, "/domains", limit=2)) == [ids[:2], ids[2:]]
