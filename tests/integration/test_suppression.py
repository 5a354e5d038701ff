"""Suppression: what is suppressed is deleted, never stored again and never visited."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from domain_scheduler.saving import save_facts
from scrapersky.contacts import FoundContact
from scrapersky.models import Domain
from scrapersky.models.inserts import get_or_create
from scrapersky.politeness import host_leases
from scrapersky.protection.suppression import MENTIONS, suppress
from scrapersky.vocabulary import ContactKind, FoundIn, RecordId, SubjectKind
from tests.integration.api import Api
from tests.records import save_contacts

ADDRESS, OTHER, PHONE = "ann.b@shop.test", "office@shop.test", "+493012345678"
FOUND = (
    FoundContact(ContactKind.EMAIL, ADDRESS, FoundIn.MAILTO, context=f"Ask {ADDRESS}"),
    FoundContact(ContactKind.EMAIL, OTHER, FoundIn.TEXT, context=f"{OTHER} or Ann.B@shop.test, not joann.b@shop.test"),
    FoundContact(ContactKind.PHONE, PHONE, FoundIn.TEL, context="Call +49 30 12345678"),
)
FACTS = {
    "title": f"Write to {ADDRESS}",
    "meta_json": {
        "meta": {"og:email": [ADDRESS.upper()]},
        "json_ld": [{"email": "mailto:ann.b%40shop.test", "telephone": "+49 30 1234-5678"}],
    },
    "organisation": {"name": "Shop", "email": ADDRESS},
}


def read(connection: Connection, domain: RecordId) -> None:
    """Store one reading of the home page."""
    save_facts(connection, {domain: FACTS})
    save_contacts(connection, domain, FOUND, url="https://shop.test/", page_id=None)


@pytest.fixture
def domain(connection: Connection) -> RecordId:
    """A domain whose home page was read."""
    found = get_or_create(connection, Domain.domain, domain="shop.test", tenant="default")
    read(connection, found)
    return found


def stored(connection: Connection) -> str:
    """Return all that is stored of domains and contacts, as one text."""
    tables = ("domains", "contacts", "contact_sources")
    rows = [
        connection.execute(text(f"SELECT {table}::text FROM {table} ORDER BY id")).scalars().all() for table in tables
    ]
    return json.dumps(rows).lower()


def values(connection: Connection) -> list[str]:
    return list(connection.execute(text("SELECT value FROM contacts ORDER BY id")).scalars())


def object_to(api: Api, path: str = "", **body: Any) -> dict[str, Any]:
    answer = api.post(f"/data-protection/suppress{path}", {"reason": "objection of today", **body})
    assert answer.status == 200, answer.json
    return dict(answer.json)


def test_a_suppressed_address_is_deleted_and_a_later_reading_does_not_bring_it_back(
    connection: Connection, domain: RecordId, api: Api
) -> None:
    assert object_to(api, email=" Ann.B@SHOP.test ") == {"added": 1, "contacts_deleted": 1, "domains_changed": 1}
    for _ in range(2):
        assert values(connection) == [OTHER, PHONE]
        assert stored(connection).replace("joann.b@shop.test", "").count("ann.b") == 0
        assert "joann.b@shop.test" in stored(connection)
        listed = json.dumps([api.get(path).json for path in ("/contacts", "/domains")])
        assert (ADDRESS in listed.replace("joann.b", ""), OTHER in listed) == (False, True)
        emails = connection.execute(text("SELECT email_addresses FROM domains")).scalar_one()
        assert emails == [OTHER]
        read(connection, domain)


def test_the_facts_of_other_pages_are_cleaned_too(connection: Connection, domain: RecordId, api: Api) -> None:
    insert = (
        "INSERT INTO pages (domain_id, url, page_type, path_depth, last_read)"
        " VALUES (:id, 'https://shop.test/a', 'x', 1, now())"
    )
    connection.execute(text(insert), {"id": domain})
    read_page = text(
        "UPDATE pages SET title = :title, h1 = :title, canonical_url = :title,"
        " imprint = jsonb_build_object('legal_name', CAST(:title AS text))"
    )
    facts = text("SELECT title, h1, canonical_url, imprint ->> 'legal_name' FROM pages")
    connection.execute(read_page, {"title": f"Write to {ADDRESS}"})
    object_to(api, email=ADDRESS)
    for _ in range(2):
        assert connection.execute(facts).one() == ("Write to [suppressed]",) * 4
        connection.execute(read_page, {"title": f"Write to {ADDRESS}"})
    object_to(api, domain="shop.test")
    for _ in range(2):
        assert connection.execute(facts).one() == (None,) * 4
        connection.execute(read_page, {"title": "Ann's shop"})


@pytest.mark.parametrize(
    ("objection", "hidden"),
    [
        ({"email": ADDRESS}, ["ann.b@shop.test"]),
        ({"phone": PHONE}, ["+49 30 12345678"]),
        ({"domain": "shop.test"}, ["ann.b@shop.test", "office@shop.test"]),
    ],
    ids="-".join,
)
def test_what_only_the_facts_of_another_website_mention_is_masked_too(
    connection: Connection, api: Api, objection: dict[str, str], hidden: list[str]
) -> None:
    other = get_or_create(connection, Domain.domain, domain="agency.test", tenant="default")
    mentioned = (
        f"Us:\n{ADDRESS} (Ann.B%40Shop.test, mailto:%20{ADDRESS}), {OTHER}, +49 30 12345678, joann.b@agency.test"
    )
    save_facts(connection, {other: dict.fromkeys(("title", "generator", "final_url"), mentioned)})
    save_facts(connection, {other: {"meta_json": {mentioned: [mentioned]}, "tech_stack": [{"evidence": mentioned}]}})
    note = FoundContact(ContactKind.FORM, "https://agency.test/contact", FoundIn.FORM, context=mentioned)
    save_contacts(connection, other, [note], url="https://agency.test/", page_id=None)
    insert = (
        "INSERT INTO pages (domain_id, url, page_type, path_depth, meta_robots, h1)"
        " VALUES (:id, 'https://agency.test/a', 'x', 1, :text, :text)"
    )
    connection.execute(text(insert), {"id": other, "text": mentioned})
    connection.execute(text("UPDATE pages SET h1 = h1"))
    assert object_to(api, **objection)["contacts_deleted"] == 0
    left = stored(connection) + json.dumps(connection.execute(text("SELECT pages::text FROM pages")).scalars().all())
    assert [one for one in hidden if one in left.replace("%40", "@").replace("joann.b", "")] == []
    assert left.count("joann.b@agency.test") == 9
    assert left.count("[suppressed]") >= 9 * len(hidden)


def test_what_an_objection_is_about_is_found_by_an_index(connection: Connection) -> None:
    connection.execute(text("SET enable_seqscan = off"))  # the tables are empty
    values = {"hashes": ["a" * 64], "domain_ids": []}
    plans = [connection.execute(text(f"EXPLAIN {one.text}"), values).scalars().all() for one in MENTIONS]
    assert [re.findall(r"Scan on (\w+_mentions)", "".join(plan)) for plan in plans] == [
        ["ix_domains_mentions"], ["ix_pages_mentions"], ["ix_contact_sources_mentions"],
    ]  # fmt: skip


def test_a_form_at_a_suppressed_domain_is_not_stored_for_another_one(connection: Connection, api: Api) -> None:
    other = get_or_create(connection, Domain.domain, domain="agency.test", tenant="default")
    urls = ("https://shop.test/contact", "https://go.shop.test:8443?to=sales", "https://myshop.test/contact")
    forms = [FoundContact(ContactKind.FORM, url, FoundIn.FORM) for url in urls]
    profile = FoundContact(ContactKind.SOCIAL, "https://shop.test/profile", FoundIn.LINK, category="facebook")
    save_contacts(connection, other, [*forms, profile], url="https://agency.test/", page_id=None)
    object_to(api, domain="shop.test")
    for _ in range(2):
        assert values(connection) == [urls[2], profile.value]
        save_contacts(connection, other, [*forms, profile], url="https://agency.test/", page_id=None)


def test_a_suppressed_phone_number_is_removed_in_any_international_spelling(
    connection: Connection, domain: RecordId, api: Api
) -> None:
    connection.execute(text("INSERT INTO local_businesses (place_id, phone) VALUES ('p', :phone)"), {"phone": PHONE})
    object_to(api, phone="+49 (30) 123 456 78")
    for _ in range(2):
        assert values(connection) == [ADDRESS, OTHER]
        assert "5678" not in stored(connection)
        assert connection.execute(text("SELECT phone FROM local_businesses")).scalar_one() is None
        read(connection, domain)
        connection.execute(text("UPDATE local_businesses SET phone = :phone"), {"phone": PHONE})


def test_of_a_suppressed_domain_nothing_is_kept_but_its_record(
    connection: Connection, domain: RecordId, api: Api
) -> None:
    object_to(api, domain="https://www.shop.test/imprint")
    read(connection, domain)
    assert values(connection) == []
    row = connection.execute(text("SELECT * FROM domains")).mappings().one()
    assert {name: row[name] for name in ("domain", "title", "meta_json", "organisation", "email_addresses")} == {
        "domain": "shop.test", "title": None, "meta_json": None, "organisation": None, "email_addresses": None,
    }  # fmt: skip


def test_an_address_at_a_suppressed_domain_is_not_stored_for_another_one(connection: Connection, api: Api) -> None:
    other = get_or_create(connection, Domain.domain, domain="agency.test", tenant="default")
    read(connection, other)
    object_to(api, domain="shop.test")
    read(connection, other)
    assert values(connection) == [PHONE]
    assert "ann.b@" not in stored(connection)


def test_the_contacts_of_other_domains_are_stored_beside_a_suppressed_one(connection: Connection, api: Api) -> None:
    for name in ("shop.test", "agency.test"):
        get_or_create(connection, Domain.domain, domain=name, tenant="default")
    object_to(api, domain="shop.test")
    other = get_or_create(connection, Domain.domain, domain="agency.test", tenant="default")
    found = [FoundContact(ContactKind.EMAIL, "info@agency.test", FoundIn.TEXT)]
    save_contacts(connection, other, found, url="https://agency.test/", page_id=None)
    assert values(connection) == ["info@agency.test"]


@pytest.mark.parametrize("column", ["title", "description", "organisation", "meta_json"])
def test_the_facts_of_a_domain_are_cleaned_also_when_it_is_created_with_them(
    connection: Connection, api: Api, column: str
) -> None:
    object_to(api, email=ADDRESS)
    facts = json.dumps(f"Write to {ADDRESS}")
    connection.execute(text(f"INSERT INTO domains (domain, {column}) VALUES ('agency.test', :facts)"), {"facts": facts})
    assert "write to [suppressed]" in stored(connection)


def test_a_suppressed_host_and_its_subdomains_are_not_leased(connection: Connection, api: Api) -> None:
    object_to(api, domain="shop.test")
    wanted = dict.fromkeys(("shop.test", "eu.shop.test", "bigshop.test"), 10.0)
    leases = host_leases.acquire(connection, "worker", wanted)
    assert {host: type(lease).__name__ for host, lease in leases.items()} == {
        "shop.test": "Suppressed", "eu.shop.test": "Suppressed", "bigshop.test": "Held",
    }  # fmt: skip
    assert connection.execute(text("SELECT host FROM host_leases")).scalars().all() == ["bigshop.test"]


def test_a_suppression_outlives_the_rows_that_it_is_about(connection: Connection, domain: RecordId, api: Api) -> None:
    object_to(api, email=ADDRESS)
    connection.execute(text("DELETE FROM contacts"))
    connection.execute(text("DELETE FROM domains"))
    again = get_or_create(connection, Domain.domain, domain="shop.test", tenant="default")
    read(connection, again)
    assert values(connection) == [OTHER, PHONE]


def test_a_list_of_addresses_and_hashes_is_imported(connection: Connection, domain: RecordId, api: Api) -> None:
    hashed = hashlib.sha256(OTHER.encode()).hexdigest().upper()
    file = f"E-mail;since\r\n{ADDRESS};2020\r\n\r\n{hashed};2021\r\n+49 30 12345678;2022\r\nelsewhere.test;2023\r\n"
    headers = {"content-type": "text/csv"}
    answer = api.send("POST", "/data-protection/suppress/csv", file, headers=headers)
    assert answer.json == {"added": 4, "contacts_deleted": 3, "domains_changed": 1}
    again = api.send("POST", "/data-protection/suppress/csv", file, headers=headers)
    assert again.json == {"added": 0, "contacts_deleted": 0, "domains_changed": 0}
    assert values(connection) == []


def test_a_line_that_names_nothing_imports_nothing_and_is_not_repeated(connection: Connection, api: Api) -> None:
    body = f"{ADDRESS}\nnot an address@\n"
    answer = api.send("POST", "/data-protection/suppress/csv", body, headers={"content-type": "text/csv"})
    assert (answer.status, "line 2" in answer.json["detail"], "not an" in answer.json["detail"]) == (409, True, False)
    assert connection.execute(text("SELECT count(*) FROM suppressions")).scalar_one() == 0


def test_a_file_with_a_header_and_no_values_is_refused(api: Api) -> None:
    answer = api.send("POST", "/data-protection/suppress/csv", "email\n", headers={"content-type": "text/csv"})
    assert (answer.status, "no values" in answer.json["detail"]) == (409, True)


def test_hashes_of_a_kind_are_suppressed(connection: Connection, domain: RecordId, api: Api) -> None:
    hashes = [hashlib.sha256(b"shop.test").hexdigest()]
    assert object_to(api, "/hashes", hashes=hashes, kind="domain")["contacts_deleted"] == 3
    assert api.post("/data-protection/suppress/hashes", {"hashes": ["x"], "kind": "email", "reason": "x"}).status == 422


def test_the_table_holds_no_address_even_if_the_reason_repeats_it(connection: Connection, api: Api) -> None:
    object_to(api, email=ADDRESS, reason=f"{ADDRESS} objected by letter")
    rows = connection.execute(text("SELECT reason, actor FROM suppressions")).all()
    assert rows[0].reason == "[email] objected by letter"
    assert rows[0].actor.endswith("user/ada")


def test_a_check_finds_a_suppression_and_a_lifted_one_is_gone(
    connection: Connection, domain: RecordId, api: Api
) -> None:
    assert api.post("/data-protection/check", {"email": ADDRESS}).json["suppressed"] is False
    object_to(api, email=ADDRESS)
    found = api.post("/data-protection/check", {"email": ADDRESS.upper()}).json
    assert (found["suppressed"], found["reason"]) == (True, "objection of today")
    for expected in (True, False):
        answer = api.post("/data-protection/lift", {"email": ADDRESS, "reason": "consent"})
        assert answer.json == {"lifted": expected}
    read(connection, domain)
    assert ADDRESS in values(connection)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"email": "nonsense", "reason": "x"}, 409),
        ({"phone": "12", "reason": "x"}, 409),
        ({"domain": "localhost", "reason": "x"}, 409),
        ({"email": ADDRESS, "domain": "shop.test", "reason": "x"}, 422),
        ({"email": ADDRESS}, 422),
        ({"reason": "x"}, 422),
    ],
)
def test_an_objection_without_a_valid_value_is_refused(api: Api, body: dict[str, str], status: int) -> None:
    assert api.post("/data-protection/suppress", body).status == status


def test_a_request_authorised_as_curation_may_not_suppress(connection: Connection, api: Api) -> None:
    named = {"email": ADDRESS}
    for path, body in (
        ("suppress", {**named, "reason": "x"}),
        ("suppress/hashes", {"hashes": ["a" * 64], "kind": "email", "reason": "x"}),
        ("check", named),
        ("lift", {**named, "reason": "x"}),
    ):
        headers, sent = {"content-type": "application/json"}, json.dumps(body)
        answer = api.send("POST", f"/data-protection/{path}", sent, headers=headers, route_key="POST /{proxy+}")
        assert answer.status == 403, path
    assert connection.execute(text("SELECT count(*) FROM suppressions")).scalar_one() == 0


def test_a_repeated_request_with_a_key_is_answered_alike_and_stores_no_address(
    connection: Connection, domain: RecordId, api: Api
) -> None:
    answers = [
        api.post("/data-protection/suppress", {"email": ADDRESS, "reason": "x"}, idempotency_key="1").json for _ in "ab"
    ]
    assert answers[0] == answers[1] == {"added": 1, "contacts_deleted": 1, "domains_changed": 1}
    kept = connection.execute(text("SELECT idempotency_keys::text FROM idempotency_keys")).scalars().all()
    assert len(kept) == 1
    assert "ann.b" not in kept[0]


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def write_a_change(connection: Connection, domain: RecordId) -> None:
    """Store a change by itself, as no reading does."""
    change = "INSERT INTO changes (domain_id, tenant, field, old) VALUES (:domain, 'default', 'email', :address)"
    connection.execute(text(change), {"domain": domain, "address": ADDRESS})


@pytest.mark.parametrize("write", [read, write_a_change])
def test_what_is_being_saved_does_not_escape_an_objection(
    engine: Engine, connection: Connection, threads: ThreadPoolExecutor, write: Callable[[Connection, RecordId], None]
) -> None:
    domain = get_or_create(connection, Domain.domain, domain="shop.test", tenant="default")

    def object_now() -> None:
        with engine.begin() as own:
            suppress(
                own, {hashlib.sha256(ADDRESS.encode()).hexdigest(): SubjectKind.EMAIL},
                actor="ada", reason="x", of_contacts=(),
            )  # fmt: skip

    with engine.connect() as worker, worker.begin():
        write(worker, domain)
        objection = threads.submit(object_now)
        waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        while not connection.execute(waiting).scalar_one():
            assert not objection.done()
    objection.result(timeout=20)
    assert values(connection) == ([OTHER, PHONE] if write is read else [])
    assert "ann.b" not in stored(connection).replace("joann.b", "")
    assert connection.execute(text("SELECT old FROM changes WHERE old LIKE '%ann.b%'")).all() == []
