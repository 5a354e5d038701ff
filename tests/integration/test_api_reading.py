"""The curation API reads: listings, filters, cursors, single records, the OpenAPI document, errors."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, Engine, text

from api import late_commits, listing
from api.application import Application
from scrapersky.contacts import FoundContact
from scrapersky.vocabulary import ContactKind, FoundIn, RecordId
from tests.integration.api import Api, results, seize
from tests.integration.api import domains as add_domains
from tests.records import save_contacts

RESOURCES = ("places", "local-businesses", "domains", "sitemaps", "sitemap-files", "pages")
LISTED = (*RESOURCES, "contacts")


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


def test_an_url_is_found_as_people_write_it_and_by_its_host(api: Api, connection: Connection) -> None:
    api.post("/domains", {"domain": "shop.example"})
    for path in ("pages", "sitemap-files"):
        api.post(f"/{path}", {"domain": "shop.example", "url": "https://www.shop.example/a"})
        api.post(f"/{path}", {"domain": "shop.example", "url": "https://shop.example/a"})
        for filters, ids in (
            ({"url": "HTTPS://www.Shop.example/a"}, [1]), ({"url": "no url"}, []), ({"host": "shop.example"}, [2])
        ):  # fmt: skip
            assert list(pages_of(api, f"/{path}", **filters)) == [ids], (path, filters)


def test_domains_are_found_by_what_a_scan_found(api: Api, connection: Connection, domains: list[int]) -> None:
    connection.execute(text("SET session_replication_role = replica"))  # no worker has made this error
    connection.execute(
        text("""
            INSERT INTO domains (domain, email_addresses, http_status, last_scan, status, error_code, error) VALUES
                ('a.example', ARRAY['a@a.example'], 404, '2026-01-02', 'Error', 'http_404', 'the server answered 404')
        """)
    )
    for filters, found in (
        ({"has_email": "true"}, [8]), ({"has_email": "false"}, domains), ({"has_phone": "true"}, []),
        ({"http_status": 404}, [8]), ({"last_scan_before": "2026-01-03T00:00:00Z"}, [8]),
        ({"last_scan_before": "2026-01-02T00:00:00Z"}, []), ({"error": "ANSWERED 4"}, [8]), ({"status": "Error"}, [8]),
    ):  # fmt: skip
        assert list(pages_of(api, "/domains", **filters)) == [found], filters


def test_processing_records_are_found_by_their_live_attempts(
    api: Api, domains: list[int], connection: Connection
) -> None:
    seize(connection, [RecordId(domains[5])])
    assert list(pages_of(api, "/domains", status="Processing")) == [domains[5:6]]


def test_businesses_are_found_by_the_contacts_of_their_website(api: Api, connection: Connection) -> None:
    connection.execute(text("INSERT INTO domains (domain, email_addresses) VALUES ('a.example', ARRAY['x@a.example'])"))
    connection.execute(
        text("INSERT INTO local_businesses (place_id, domain_id, phone) VALUES ('p1', 1, '+1'), ('p2', null, null)")
    )
    for filters, found in (
        ({"has_email": "true"}, [1]), ({"has_email": "false"}, [2]), ({"has_phone": "true"}, [1]), ({"place_id": "p2"}, [2])
    ):  # fmt: skip
        assert list(pages_of(api, "/local-businesses", **filters)) == [found], filters


def test_a_contact_is_listed_and_shown_with_its_sources(api: Api, connection: Connection, domains: list[int]) -> None:
    contacts = [FoundContact(ContactKind.EMAIL, "info@shop.example", FoundIn.MAILTO, context="write to us")]
    save_contacts(connection, RecordId(domains[0]), contacts, url="https://shop-1.example/", page_id=None)
    found: tuple[dict[str, object], ...] = (
        {}, {"kind": "email"}, {"domain": "shop-1.example"}, {"gone": "false"}, {"search": "INFO"},
        {"value": "info@shop.example", "seen_since": "2020-01-01T00:00:00Z"},
    )  # fmt: skip
    for given in found:
        assert list(pages_of(api, "/contacts", **given)) == [[1]], given
    for filters in (
        {"kind": "phone"},
        {"checked": "valid"},
        {"domain_id": domains[1]},
        {"gone": "true"},
        {"seen_since": "2090-01-01T00:00:00Z"},
    ):
        assert list(pages_of(api, "/contacts", **filters)) == [[]], filters
    (source,) = api.get("/contacts/1").json["sources"]
    assert (source["url"], source["found_in"], source["context"]) == (
        "https://shop-1.example/",
        "mailto",
        "write to us",
    )
    wanted: dict[str, object] = {"curation_status": "Selected", "filter": {"kind": "email"}}
    assert results(api.post("/contacts/curation", wanted)) == ["set"]
    assert api.get("/contacts", curation_status="Selected").json["items"][0]["value"] == "info@shop.example"


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
@pytest.mark.parametrize("order", ["-id", "domain", "-domain", "last_scan", "-last_scan"])
def test_every_order_shows_each_record_once(
    api: Api, domains: list[int], connection: Connection, order: str, limit: int
) -> None:
    connection.execute(text("UPDATE domains SET last_scan = now() - make_interval(days => id::int / 2) WHERE id < 6"))
    pages = list(pages_of(api, "/domains", order=order, limit=limit))
    shown = [record_id for page in pages for record_id in page]
    newest, oldest = [1, 3, 2, 5, 4], [4, 5, 2, 3, 1]
    expected = {"domain": domains, "last_scan": [*oldest, 6, 7], "-last_scan": [*newest, 7, 6]}
    assert shown == expected.get(order, domains[::-1])
    assert all(len(page) == limit for page in pages[:-2])


def test_newest_first_ends_before_a_record_that_is_not_committed_and_shows_it_later(api: Api, engine: Engine) -> None:
    with engine.connect() as fast:
        add_domains(fast, "old.example")
        fast.commit()
        with open_insert(engine, "late.example") as slow:
            add_domains(fast, "new-1.example", "new-2.example")
            fast.commit()
            pages = pages_of(api, "/domains", order="-id", limit=2)
            assert next(pages) == [4, 3]
            assert next(pages) == []
            slow.commit()
    assert list(pages) == [[2, 1]]


def test_newest_first_waits_for_the_first_record_too(api: Api, engine: Engine, connection: Connection) -> None:
    with open_insert(engine, "late.example") as slow:
        add_domains(connection, "new.example")
        pages = pages_of(api, "/domains", order="-id")
        assert next(pages) == [2]
        slow.commit()
    assert list(pages) == [[1]]


def test_a_listing_by_a_column_begins_when_no_record_may_be_missing(api: Api, engine: Engine) -> None:
    with open_insert(engine, "a.example") as slow:
        assert api.get("/domains", order="domain").status == 503
        slow.commit()
    assert list(pages_of(api, "/domains", order="domain")) == [[1]]


def test_records_added_during_a_listing_by_a_column_are_not_part_of_it(
    api: Api, domains: list[int], connection: Connection
) -> None:
    pages = pages_of(api, "/domains", order="domain", limit=4)
    shown = next(pages)
    add_domains(connection, "zebra.example", "shop-5a.example")
    assert shown + [one for page in pages for one in page] == domains


@pytest.mark.parametrize(
    ("order", "cursor"),
    [("id", "domains.abcd"), ("domain", "domains.5"), ("domain", "domains.W10"), ("last_scan", "domains.WzEsIngiLDFd"),
     ("domain", "domains.WzEsIlx1MDAwMCIsMV0"), ("domain", "domains.WzEsIlx1ZDgwMCIsMV0")],
)  # fmt: skip
def test_a_cursor_of_another_order_is_a_conflict(api: Api, domains: list[int], order: str, cursor: str) -> None:
    assert api.get("/domains", order=order, cursor=cursor).status == 409


def test_a_page_ends_where_it_has_looked_at_enough_records(
    api: Api, domains: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "LOOKED_AT", 3)
    assert list(pages_of(api, "/domains", status="Queued")) == [[], [6], [7]]
    assert list(pages_of(api, "/domains", status="Queued", order="-domain")) == [[7, 6], [], []]


def test_a_count_is_exact_up_to_its_cap(api: Api, domains: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    answer = api.get("/domains", status="New", limit=1, count="true").json
    assert (len(answer["items"]), answer["count"]) == (1, 5)
    monkeypatch.setattr(listing, "COUNTED", 4)
    assert api.get("/domains", status="New", count="true").json["count"] == 4


def test_a_search_finds_the_same_without_its_index(api: Api, domains: list[int], connection: Connection) -> None:
    assert list(pages_of(api, "/domains", search="OP-7.ex")) == [[7]]
    connection.execute(text("DROP INDEX ix_domains_search"))
    assert list(pages_of(api, "/domains", search="OP-7.ex")) == [[7]]


def test_a_text_that_many_records_contain_is_searched_in_the_order_of_the_listing(
    api: Api, domains: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scrapersky.lists.filters.MOST_FOUND", 2)
    assert list(pages_of(api, "/domains", search="shop", limit=4)) == [domains[:4], domains[4:]]


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


@pytest.mark.parametrize("path", LISTED)
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
