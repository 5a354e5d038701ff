"""Changes: what a later reading finds different is stored, and goes with what it is about."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from domain_scheduler.saving import save_facts
from scrapersky.contacts import FoundContact
from scrapersky.models import Domain
from scrapersky.models.inserts import get_or_create
from scrapersky.protection.housekeeping import apply, rules
from scrapersky.settings import Settings
from scrapersky.vocabulary import ContactKind, FoundIn, RecordId
from tests.integration.api import Api
from tests.records import save_contacts, triggers_disabled

URL = "https://shop.test/"
INFO, JO = (FoundContact(ContactKind.EMAIL, f"{name}@shop.test", FoundIn.MAILTO) for name in ("info", "jo"))
PHONE = FoundContact(ContactKind.PHONE, "0301234567", FoundIn.TEXT)
WORDPRESS, WIX = ({"category": "cms", "name": name, "version": "6.4", "evidence": "x"} for name in ("WordPress", "Wix"))
FACTS = {"title": "Shop", "final_url": URL, "tech_stack": [WORDPRESS]}


@pytest.fixture
def domain(connection: Connection) -> RecordId:
    """A domain that was read once."""
    found = get_or_create(connection, Domain.domain, domain="shop.test", tenant="default")
    read(connection, found, INFO)
    return found


def read(connection: Connection, domain: RecordId, *found: FoundContact, **facts: Any) -> None:
    """Store one reading of the home page by an attempt, which ends with it."""
    begun = (
        "INSERT INTO attempts (attempt_id, workflow, record_id, trigger, lease_until)"
        " SELECT coalesce(max(attempt_id), 0) + 1, 'metadata', :id, 'schedule', now() FROM attempts"
    )
    with triggers_disabled(connection):
        connection.execute(text(begun), {"id": domain})
    save_facts(connection, {domain: {**FACTS, **facts}})
    save_contacts(connection, domain, found, url=URL, page_id=None)
    with triggers_disabled(connection):
        connection.execute(text("UPDATE attempts SET finished_at = now(), outcome = 'done' WHERE finished_at IS NULL"))


def changes(connection: Connection) -> list[tuple[Any, ...]]:
    rows = connection.execute(text("SELECT field, old, new FROM changes ORDER BY id"))
    return [tuple(row) for row in rows]


def test_a_first_reading_and_one_that_finds_the_same_change_nothing(connection: Connection, domain: RecordId) -> None:
    read(connection, domain, INFO)
    assert changes(connection) == []


def test_facts_that_differ_are_changes(connection: Connection, domain: RecordId) -> None:
    read(connection, domain, INFO, title="Shop & Son", tech_stack=[{**WORDPRESS, "version": "6.5"}, WIX])
    read(connection, domain, INFO, title="Shop & Son", final_url=f"{URL}en", tech_stack=[WIX])
    assert sorted(changes(connection)[:3], key=str) == [
        ("technology", "WordPress 6.4", "WordPress 6.5"), ("technology", None, "Wix 6.4"), ("title", "Shop", "Shop & Son"),
    ]  # fmt: skip
    assert sorted(changes(connection)[3:]) == [("final_url", URL, f"{URL}en"), ("technology", "WordPress 6.5", None)]


def test_contacts_that_come_go_and_return_are_changes(connection: Connection, domain: RecordId) -> None:
    read(connection, domain, INFO, JO, PHONE)
    for _ in range(3):
        read(connection, domain, INFO, PHONE)
    read(connection, domain, INFO, JO, PHONE)
    assert changes(connection) == [
        ("email", None, "jo@shop.test"), ("phone", None, "0301234567"), ("email", "jo@shop.test", None),
        ("email", None, "jo@shop.test"),
    ]  # fmt: skip


def test_the_contacts_of_a_page_that_is_read_for_the_first_time_are_none(
    connection: Connection, domain: RecordId
) -> None:
    insert = "INSERT INTO pages (domain_id, url, page_type, path_depth) VALUES (:id, :url, 'contact', 1) RETURNING id"
    page = RecordId(connection.execute(text(insert), {"id": domain, "url": f"{URL}contact"}).scalar_one())
    save_contacts(connection, domain, [JO], url=f"{URL}contact", page_id=page)
    assert changes(connection) == []


@pytest.mark.parametrize(
    "earlier",
    ["'page_reading', 2, now() - interval '1 h', 'done'", "'metadata', 1, now() - interval '1 h', 'failed'"],
    ids=["of another page", "failed"],
)
def test_only_an_earlier_reading_of_the_same_page_makes_its_contacts_changes(
    connection: Connection, earlier: str
) -> None:
    domain = get_or_create(connection, Domain.domain, domain="shop.test", tenant="default")
    insert = "INSERT INTO pages (domain_id, url, page_type, path_depth) VALUES (:id, :url, 'contact', 1) RETURNING id"
    page = RecordId(connection.execute(text(insert), {"id": domain, "url": f"{URL}contact"}).scalar_one())
    ended = "INSERT INTO attempts (attempt_id, workflow, record_id, trigger, lease_until, finished_at, outcome) "
    with triggers_disabled(connection):
        workflow, record, *rest = earlier.split(", ", 3)
        connection.execute(text(f"{ended} VALUES (1, {workflow}, {record}, 'schedule', now(), {', '.join(rest)})"))
    save_contacts(connection, domain, [INFO], url=URL, page_id=None)
    save_contacts(connection, domain, [JO], url=f"{URL}contact", page_id=page)
    assert (int(page), int(domain), changes(connection)) == (1, 1, [])


def test_what_ends_in_the_same_transaction_is_no_earlier_reading(engine: Engine, connection: Connection) -> None:
    domain = get_or_create(connection, Domain.domain, domain="shop.test", tenant="default")
    ended = (
        "INSERT INTO attempts (attempt_id, workflow, record_id, trigger, lease_until, finished_at, outcome)"
        " VALUES (1, 'metadata', :id, 'schedule', now(), now(), 'done')"
    )
    with engine.begin() as transaction:
        with triggers_disabled(transaction):
            transaction.execute(text(ended), {"id": domain})
        save_contacts(transaction, domain, [INFO], url=URL, page_id=None)
    assert changes(connection) == []


def test_the_database_keeps_changes_out_that_name_what_is_suppressed_and_no_others(connection: Connection) -> None:
    domain = get_or_create(connection, Domain.domain, domain="shop.test", tenant="default")
    suppress = "INSERT INTO suppressions SELECT suppression_hash('jo@shop.test'), 'email', 'letter', 'ada'"
    connection.execute(text(suppress))
    insert = text(
        "INSERT INTO changes (domain_id, tenant, field, old, new) VALUES (:id, 'default', :field, :old, :new)"
    )
    for field, old, new in (
        ("title", "Ask jo@shop.test", "Ask"),
        ("title", None, "Ask JO@shop.test now"),
        ("email", "jo@shop.test", None),
        ("title", "Ask ann@shop.test", "Ask"),
    ):
        connection.execute(insert, {"id": domain, "field": field, "old": old, "new": new})
    assert changes(connection) == [("title", "Ask ann@shop.test", "Ask")]


def test_a_title_whose_address_is_withheld_from_now_on_leaves_no_old_value(
    connection: Connection, domain: RecordId
) -> None:
    read(connection, domain, INFO, title="Ask ann.lee@shop.test")
    read(connection, domain, INFO, title="Ask [withheld]")
    assert changes(connection)[1:] == [("title", None, "Ask [withheld]")]


@pytest.mark.parametrize(
    "objection",
    [{"email": "jo@shop.test"}, {"domain": "shop.test"}, {"phone": "0301234567"}],
    ids=lambda objection: next(iter(objection)),
)
def test_a_change_goes_with_what_it_is_about_and_does_not_return(
    connection: Connection, domain: RecordId, api: Api, objection: dict[str, str]
) -> None:
    (value,) = objection.values()
    read(connection, domain, INFO, JO, PHONE, title="Ask jo@shop.test, 0301234567")
    connection.execute(text("DELETE FROM contacts"))  # as housekeeping does with what is gone
    before = changes(connection)
    assert api.post("/data-protection/suppress", {**objection, "reason": "x"}).status == 200
    read(connection, domain, INFO, JO, PHONE, title="Ask jo@shop.test")
    left = [one for one in changes(connection) if value in one[1:]]
    assert (len(before), left) == (3, [])
    if "domain" in objection:
        assert changes(connection) == []
    if "email" in objection:
        assert "jo@shop.test" not in str(changes(connection))


def test_changes_are_deleted_as_history_is(connection: Connection, domain: RecordId) -> None:
    read(connection, domain, INFO, title="Old")
    connection.execute(text("UPDATE changes SET at = now() - interval '91 days'"))
    read(connection, domain, INFO, title="New")
    (rule,) = (one for one in rules(Settings()) if one.name == "changes")
    assert apply(connection, rule, lambda: True) == 1
    assert changes(connection) == [("title", "Old", "New")]


def test_changes_are_listed_the_newest_first_and_by_filters(connection: Connection, domain: RecordId, api: Api) -> None:
    for number in range(3):
        read(connection, domain, INFO, title=f"Shop {number}")
    other = get_or_create(connection, Domain.domain, domain="other.test", tenant="default")
    for title in ("a", "b"):
        read(connection, other, title=title)
    read(connection, domain, INFO, title="Shop 2", final_url=f"{URL}de")
    first = api.get("/changes", domain="https://www.shop.test/x", limit=3).json
    assert [(one["field"], one["new"]) for one in first["items"]][1:] == [("title", "Shop 2"), ("title", "Shop 1")]
    second = api.get("/changes", domain_id=domain, limit=3, before=first["next"]).json
    assert ([one["new"] for one in second["items"]], second["next"]) == (["Shop 0"], None)
    assert {one["domain"] for one in api.get("/changes", field="title").json["items"]} == {"shop.test", "other.test"}
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat().replace("+00:00", "Z")
    assert api.get("/changes", since=tomorrow).json == {"items": [], "next": None}
    assert api.get("/changes", field="colour").status == 422
    assert api.get("/changes", colour="red").status == 422
