"""Labels: each way in takes one, and the jobs hand it on."""

from typing import Any

import pytest
from sqlalchemy import Connection, text

from scrapersky.contacts import FoundContact, save_contacts
from scrapersky.models import Domain
from scrapersky.models.inserts import get_or_create
from scrapersky.runtime.registry import IMPORT, PAGE_READING, hand_offs_from
from scrapersky.settings import Settings
from scrapersky.status.requeue import hand_off
from scrapersky.vocabulary import ContactKind, FoundIn
from tests.integration.api import Api, domains, results, row
from tests.integration.test_api_adding import RESOURCES, SHOP
from tests.records import kept

pytestmark = pytest.mark.usefixtures("invariants_hold")

LABEL = "Bäckereien 2026"


def add_page(connection: Connection, domain: int) -> Any:
    sql = "INSERT INTO pages (domain_id, url, page_type, path_depth) VALUES (:id, 'u', 'contact', 1) RETURNING id"
    return connection.execute(text(sql), {"id": domain}).scalar_one()


@RESOURCES
def test_single_and_bulk_requests_take_a_label_by_which_the_records_are_listed(
    api: Api, connection: Connection, path: str, table: str, given: dict[str, Any], status: str
) -> None:
    domains(connection, SHOP)
    (added,) = api.post(f"/{path}", {**given, "label": LABEL}).json["results"]
    assert [one["id"] for one in api.get(f"/{path}", label=LABEL).json["items"]] == [added["id"]]
    assert api.get(f"/{path}", label="another").json["items"] == []
    connection.execute(text(f"DELETE FROM {table}"))
    answer = api.post(f"/{path}/bulk", {table: [{**given, "label": LABEL, "curation_status": "Selected"}]})
    assert results(answer) == ["queued"]
    assert row(connection, table, answer.json["results"][0]["id"])["label"] == LABEL


def test_domains_take_one_label_for_a_whole_list(api: Api) -> None:
    api.post("/domains", {"domain": "one.example", "label": LABEL})
    api.post("/domains/bulk", {"domains": ["two.example", "three.example"], "label": LABEL})
    assert len(api.get("/domains", label=LABEL).json["items"]) == 3


@RESOURCES
def test_an_existing_record_takes_a_label_if_it_has_none(
    api: Api, connection: Connection, path: str, table: str, given: dict[str, Any], status: str
) -> None:
    domains(connection, SHOP)
    api.post(f"/{path}", given)
    results = [api.post(f"/{path}", {**given, "label": label}).json["results"][0] for label in ("a", "b", "a")]
    assert [one["result"] for one in results] == ["exists"] * 3
    assert [one["why"] for one in results] == [
        "it already exists and was not changed, but has the label now",
        "it already exists with the label 'a' and was not changed",
        "it already exists and was not changed",
    ]
    assert row(connection, table, results[0]["id"])["label"] == "a"


@pytest.mark.parametrize("label", ["", " a", "a ", "a/b", "a\n", "?", "x" * 101])
def test_a_label_that_fits_no_url_is_refused(api: Api, label: str) -> None:
    answer = api.post("/domains", {"domain": SHOP, "label": label})
    assert (answer.status, answer.json["errors"][0]["field"]) == (422, "label")


def test_a_record_that_a_job_finds_takes_the_label_only_if_it_has_none(connection: Connection) -> None:
    for label, stays in (None, None), ("a", "a"), ("b", "a"), (None, "a"):
        found = get_or_create(connection, Domain.domain, domain=SHOP, label=label)
        assert row(connection, "domains", found)["label"] == stays


def test_a_contact_has_the_label_of_its_page_before_that_of_its_domain(connection: Connection) -> None:
    (domain,) = domains(connection, SHOP)
    connection.execute(text("UPDATE domains SET label = 'of domain'"))
    page = add_page(connection, domain)
    connection.execute(text("UPDATE pages SET label = 'of page'"))
    for number, page_id in enumerate((None, page)):
        found = [FoundContact(ContactKind.EMAIL, f"{number}@{SHOP}", FoundIn.TEXT)]
        save_contacts(connection, domain, kept(found), url="u", page_id=page_id)
    labels = connection.execute(text("SELECT label FROM contacts ORDER BY value")).scalars().all()
    assert labels == ["of domain", "of page"]


def test_a_page_that_was_known_before_its_domain_had_a_label_takes_it_when_it_is_handed_off(
    connection: Connection,
) -> None:
    (domain,) = domains(connection, SHOP)
    page = add_page(connection, domain)
    connection.execute(text("UPDATE domains SET label = 'a'"))
    [declared] = [one for one in hand_offs_from(IMPORT) if one.target == PAGE_READING]
    per_host = declared.per_host and declared.per_host(Settings())
    values = {"actor": "", "reason": "", "again": False, "condition": declared.condition, "per_host": per_host}
    assert list(hand_off(connection, PAGE_READING, [page], **values)) == [page]
    assert row(connection, "pages", page)["label"] == "a"
