"""The contacts of a run: cards on the screen, and a CSV that no spreadsheet evaluates."""

import csv
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import Connection, text

from scrapersky.contacts import FoundContact
from scrapersky.runtime.registry import METADATA
from scrapersky.vocabulary import ContactKind, FoundIn, RecordId
from scripts.commands.run.leads import contacts, show_cards, write_csv
from tests.records import make, save_contacts

URL = "https://a.test/"


@pytest.fixture
def domain(connection: Connection) -> RecordId:
    domain = make(connection, METADATA)
    business = (
        "INSERT INTO local_businesses (place_id, business_name, full_address, domain_id)"
        " VALUES ('p', 'A [bold]Shop[/]', '1 Mill Lane', :domain), ('q', 'Another of the chain', '2 Mill Lane', :domain)"
    )
    connection.execute(text(business), {"domain": domain})
    return domain


def save(connection: Connection, domain: RecordId, *values: str, context: str | None = None) -> None:
    found = [FoundContact(ContactKind.PHONE, value, FoundIn.TEXT, context=context) for value in values]
    found.append(FoundContact(ContactKind.EMAIL, "info@a.test", FoundIn.MAILTO))
    save_contacts(connection, domain, found, url=URL, page_id=None)


def test_a_card_names_the_business_its_place_and_each_contact_with_its_source(
    connection: Connection, domain: RecordId, capsys: pytest.CaptureFixture[str]
) -> None:
    save(connection, domain, "+15125550112")
    show_cards(Console(width=200), contacts(connection))
    assert capsys.readouterr().out.splitlines() == [
        "",
        "Contacts",
        "  A [bold]Shop[/] · 1 Mill Lane",
        "    email     info@a.test  (mailto, https://a.test/)",
        "    phone     +15125550112  (text, https://a.test/)",
    ]


def test_the_category_and_the_check_of_an_address_are_on_the_card_and_in_the_csv(
    connection: Connection, domain: RecordId, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(connection, domain)
    checked = "category = 'role', email_check_result = 'invalid', email_check_reason = 'null_mx'"
    connection.execute(text(f"UPDATE contacts SET {checked}"))
    show_cards(Console(width=200), contacts(connection))
    assert "    email     info@a.test  (role; invalid: null_mx; mailto, https://a.test/)" in capsys.readouterr().out
    write_csv(tmp_path / "leads.csv", contacts(connection))
    assert ",email,role,info@a.test,invalid,null_mx,mailto," in (tmp_path / "leads.csv").read_text(encoding="utf-8")


def test_a_profile_is_named_by_its_network(
    connection: Connection, domain: RecordId, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = FoundContact(ContactKind.SOCIAL, "https://facebook.com/a", FoundIn.LINK, category="facebook")
    save_contacts(connection, domain, [profile], url=URL, page_id=None)
    show_cards(Console(width=200), contacts(connection))
    assert "    facebook  https://facebook.com/a  (link, https://a.test/)" in capsys.readouterr().out


def test_a_contact_that_is_gone_is_no_lead(connection: Connection, domain: RecordId) -> None:
    save(connection, domain, "+15125550112")
    for _ in range(2):
        save(connection, domain)
    assert [row["value"] for row in contacts(connection)] == ["info@a.test"]


def test_a_card_names_the_owner_that_the_imprint_gives(
    connection: Connection, domain: RecordId, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(connection, domain)
    insert = text(
        "INSERT INTO pages (domain_id, url, page_type, path_depth, imprint)"
        " VALUES (:domain, :url, 'legal', 1, CAST(:imprint AS jsonb))"
    )
    imprints = {
        "contact": '{"address": {"text": "1 Mill Lane"}}',
        "terms": '{"vat_id": "DE136695976"}',
        "imprint": '{"legal_name": "Shop GmbH", "register": "HRB 1", "vat_id": "DE136695976"}',
    }
    for path, imprint in imprints.items():
        connection.execute(insert, {"domain": domain, "url": URL + path, "imprint": imprint})
    show_cards(Console(width=200), contacts(connection))
    assert (
        "    owner     Shop GmbH, HRB 1, DE136695976  (https://a.test/imprint)" in capsys.readouterr().out.splitlines()
    )
    write_csv(tmp_path / "leads.csv", contacts(connection))
    assert ",Shop GmbH,HRB 1,DE136695976" in (tmp_path / "leads.csv").read_text(encoding="utf-8")


def test_the_csv_holds_every_contact_and_nothing_that_a_spreadsheet_would_evaluate(
    connection: Connection, domain: RecordId, tmp_path: Path
) -> None:
    save(connection, domain, "+15125550112", "0512", context='=HYPERLINK("https://b.test"), "x"')
    write_csv(tmp_path / "new folder" / "leads.csv", contacts(connection))
    with (tmp_path / "new folder" / "leads.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["value"] for row in rows] == ["info@a.test", "+15125550112", "0512"]
    assert rows[1]["context"] == '\'=HYPERLINK("https://b.test"), "x"'
    assert {(row["business"], row["address"], row["domain"], row["source"]) for row in rows} == {
        ("A [bold]Shop[/]", "1 Mill Lane", "a.test", URL)
    }


@pytest.mark.parametrize("hostile", ["=1+1", "+1+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_each_start_of_a_formula_gets_an_apostrophe(
    connection: Connection, domain: RecordId, tmp_path: Path, hostile: str
) -> None:
    save(connection, domain, "+15125550112", context=hostile)
    write_csv(tmp_path / "leads.csv", contacts(connection))
    with (tmp_path / "leads.csv").open(encoding="utf-8", newline="") as file:
        assert [row["context"] for row in csv.DictReader(file)][1] == f"'{hostile}"
