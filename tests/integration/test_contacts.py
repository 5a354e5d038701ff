"""Contacts: saved with their sources, gone after two readings without them, and summarised in the domain's columns."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, RowMapping, text

from scrapersky.contacts import FoundContact, KeptContacts, Reading, save_contacts
from scrapersky.runtime.registry import METADATA
from scrapersky.vocabulary import ContactKind, FoundIn, RecordId
from tests import records
from tests.records import make

URL = "https://a.test/"
INFO, SALES = (FoundContact(ContactKind.EMAIL, f"{name}@a.test", FoundIn.LINK) for name in ("info", "sales"))
PHONE = FoundContact(ContactKind.PHONE, "+15125550112", FoundIn.TEXT, context="Call us: (512) 555-0112")
PROFILE = FoundContact(ContactKind.SOCIAL, "https://facebook.com/a", FoundIn.LINK, category="facebook")


@pytest.fixture
def domain(connection: Connection) -> RecordId:
    return make(connection, METADATA)


def page(connection: Connection, domain: RecordId, path: str) -> RecordId:
    insert = (
        "INSERT INTO pages (domain_id, url, page_type, path_depth) VALUES (:domain, :url, 'contact', 1) RETURNING id"
    )
    return RecordId(connection.execute(text(insert), {"domain": domain, "url": URL + path}).scalar_one())


def read(
    connection: Connection, domain: RecordId, *found: FoundContact, page_id: RecordId | None = None, url: str = URL
) -> list[RecordId]:
    return records.save_contacts(connection, domain, found, url=url, page_id=page_id)


def contacts(connection: Connection) -> dict[str, RowMapping]:
    rows = connection.execute(text("SELECT * FROM contacts ORDER BY id")).mappings()
    return {row["value"]: row for row in rows}


def gone(connection: Connection) -> set[str]:
    return {value for value, row in contacts(connection).items() if row["gone_at"]}


def summary(connection: Connection, domain: RecordId, *columns: str) -> Sequence[Any]:
    return connection.execute(text(f"SELECT {', '.join(columns)} FROM domains WHERE id = {domain}")).one()


def test_each_contact_is_saved_once_with_its_page_as_source(connection: Connection, domain: RecordId) -> None:
    first = read(connection, domain, SALES, INFO, PHONE, PROFILE)
    assert read(connection, domain, SALES, INFO, PHONE, PROFILE) == first
    assert list(contacts(connection)) == [one.value for one in (SALES, INFO, PHONE, PROFILE)]
    sources = connection.execute(
        text("SELECT url, page_id, found_in, context FROM contact_sources ORDER BY contact_id")
    )
    assert [tuple(row) for row in sources] == [
        (URL, None, one.found_in, one.context) for one in (SALES, INFO, PHONE, PROFILE)
    ]


def test_a_contact_of_two_pages_has_two_sources(connection: Connection, domain: RecordId) -> None:
    read(connection, domain, INFO)
    read(connection, domain, INFO, page_id=page(connection, domain, "contact"), url=f"{URL}contact")
    assert len(contacts(connection)) == 1
    sources = connection.execute(text("SELECT url FROM contact_sources ORDER BY id")).scalars()
    assert list(sources) == [URL, f"{URL}contact"]


def test_a_contact_is_gone_after_two_readings_in_a_row_without_it(connection: Connection, domain: RecordId) -> None:
    read(connection, domain, INFO, SALES)
    read(connection, domain, INFO)
    assert gone(connection) == set()
    read(connection, domain, INFO, SALES)
    read(connection, domain, INFO)
    assert gone(connection) == set()
    read(connection, domain, INFO)
    assert gone(connection) == {SALES.value}


def test_a_contact_is_not_gone_while_another_page_gives_it(connection: Connection, domain: RecordId) -> None:
    other = page(connection, domain, "contact")
    read(connection, domain, INFO)
    read(connection, domain, INFO, page_id=other)
    for _ in range(3):
        read(connection, domain)
    assert gone(connection) == set()
    for _ in range(2):
        read(connection, domain, page_id=other)
    assert gone(connection) == {INFO.value}


def test_a_contact_that_is_found_again_is_not_gone(connection: Connection, domain: RecordId) -> None:
    read(connection, domain, INFO)
    for _ in range(2):
        read(connection, domain)
    assert gone(connection) == {INFO.value}
    read(connection, domain, INFO)
    assert gone(connection) == set()
    read(connection, domain)
    assert gone(connection) == set()


def test_a_home_page_that_moved_is_the_same_source(connection: Connection, domain: RecordId) -> None:
    read(connection, domain, INFO)
    for _ in range(2):
        read(connection, domain, url="https://www.a.test/")
    assert gone(connection) == {INFO.value}


def test_the_domains_columns_summarise_the_contacts_that_are_not_gone(connection: Connection, domain: RecordId) -> None:
    columns = ("email_addresses", "phone_numbers", "facebook_url", "twitter_url")
    read(connection, domain, SALES, INFO, PHONE, PROFILE)
    values = ([SALES.value, INFO.value], [PHONE.value], PROFILE.value, None)
    assert tuple(summary(connection, domain, *columns)) == values
    for _ in range(2):
        read(connection, domain, INFO)
    assert tuple(summary(connection, domain, *columns)) == ([INFO.value], None, None, None)


def test_contacts_belong_to_the_tenant_of_their_domain_and_to_no_other_domain(
    connection: Connection, domain: RecordId
) -> None:
    connection.execute(text("UPDATE domains SET tenant = 'acme'"))
    other = make(connection, METADATA, key="b")
    read(connection, domain, INFO)
    read(connection, other, INFO)
    for _ in range(2):
        read(connection, other)
    rows = connection.execute(text("SELECT tenant, domain_id, gone_at IS NULL FROM contacts ORDER BY id"))
    assert [tuple(row) for row in rows] == [("acme", domain, True), ("default", other, False)]


def test_text_of_a_stranger_is_stored_as_it_is(connection: Connection, domain: RecordId) -> None:
    hostile = FoundContact(
        ContactKind.EMAIL, "o'hara@a.test", FoundIn.TEXT, context="'; DROP TABLE contacts; -- \\ \" 🦊"
    )
    read(connection, domain, hostile)
    context = connection.execute(text("SELECT context FROM contact_sources")).scalar_one()
    assert (list(contacts(connection)), context) == ([hostile.value], hostile.context)


@pytest.mark.parametrize("bare_first", [True, False])
def test_a_number_without_its_country_joins_the_complete_one(
    connection: Connection, domain: RecordId, bare_first: bool
) -> None:
    home, contact = (FoundContact(ContactKind.PHONE, one, FoundIn.TEXT) for one in ("01914980456", "+441914980456"))
    other = FoundContact(ContactKind.PHONE, "01914980457", FoundIn.TEXT)
    page_id = page(connection, domain, "contact")
    readings: list[tuple[FoundContact, RecordId | None]] = [(home, None), (contact, page_id)]
    for found, source in (readings if bare_first else readings[::-1]) * 3:
        read(connection, domain, found, other, page_id=source)
    assert {value for value, row in contacts(connection).items() if not row["gone_at"]} == {contact.value, other.value}
    sources = "SELECT page_id, missed FROM contact_sources WHERE contact_id = :id ORDER BY page_id"
    rows = connection.execute(text(sources), {"id": contacts(connection)[contact.value]["id"]})
    assert [tuple(row) for row in rows] == [(page_id, 0), (None, 0)]
    assert set(summary(connection, domain, "phone_numbers")[0]) == {other.value, contact.value}


def test_a_number_without_its_country_joins_none_of_another_domain(connection: Connection, domain: RecordId) -> None:
    read(connection, domain, FoundContact(ContactKind.PHONE, "01914980456", FoundIn.TEXT))
    read(
        connection, make(connection, METADATA, key="b"), FoundContact(ContactKind.PHONE, "+441914980456", FoundIn.TEXT)
    )
    assert len(contacts(connection)) == 2


NUMBERS = [FoundContact(ContactKind.PHONE, value, FoundIn.TEL) for value in ("01914980456", "+441914980456")]
READINGS = st.lists(
    st.tuples(
        st.integers(0, 2), st.booleans(), st.lists(st.sampled_from([INFO, SALES, PROFILE, *NUMBERS]), unique=True)
    ),
    max_size=8,
)


@given(batches=st.lists(READINGS, max_size=3))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_readings_that_are_saved_together_give_what_they_give_one_by_one(
    connection: Connection, batches: list[list[tuple[int, bool, list[FoundContact]]]]
) -> None:
    def stored(together: bool) -> list[Sequence[Any]]:
        """Save all batches for new domains, and return what is stored of them."""
        connection.execute(text("DELETE FROM changes; DELETE FROM contacts; DELETE FROM pages; DELETE FROM domains"))
        domains = [make(connection, METADATA, key=key) for key in "abc"]
        pages = [page(connection, domain, "contact") for domain in domains]
        for batch in batches:
            readings = [
                Reading(
                    domains[number], KeptContacts(tuple(found), 0), f"{URL}{number}", pages[number] if of_page else None
                )
                for number, of_page, found in batch
            ]
            for group in [readings] if together else [[reading] for reading in readings]:
                save_contacts(connection, group)
        rows = connection.execute(
            text("""
                SELECT domain, contacts.kind, value, contacts.category, gone_at IS NULL, page_id IS NULL, missed,
                       contact_sources.url, email_addresses, phone_numbers, facebook_url
                FROM domains JOIN contacts ON domain_id = domains.id JOIN contact_sources ON contact_id = contacts.id
                ORDER BY domain, value, page_id NULLS FIRST
            """)
        )
        changes = (
            "SELECT domain, field, old, new FROM changes JOIN domains ON domains.id = domain_id ORDER BY 1, 2, 3, 4"
        )
        return [tuple(row) for row in (*rows, *connection.execute(text(changes)))]

    assert stored(together=True) == stored(together=False)
