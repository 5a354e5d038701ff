"""VAT ids by their check digits, and the facts of an imprint."""

from typing import Any

import pytest

from scrapersky.extraction.imprint import read_imprint
from scrapersky.extraction.json_ld import Graph
from scrapersky.extraction.organisation import find_organisations
from scrapersky.extraction.page import HtmlPage
from scrapersky.extraction.vat_ids import CHECKS, vat_ids_in

VALID = str.split(
    "ATU13585627 BE0428759497 BG175074752 CHE107787577 CY10259033P CZ25123891 DE136695976 DK13585628 EE100931558 "
    "EL094259216 ESB58378431 ES54362315K ESX5910266W FI20774740 FR40303265045 GB980780684 HR33392005961 HU12892312 "
    "IE6433435F IE6433435OA IT00743110157 LT119511515 LU15027442 LV40003521600 MT11679112 NL004495445B01 "
    "NL002455799B11 PL8567346215 PT501964843 RO18547290 SE123456789701 SI50223054 SK2022749619"
)


def imprint(html: str, *, is_imprint: bool = True) -> dict[str, Any]:
    page = HtmlPage.parse(html, "https://shop.example/impressum", 100_000)
    organisations = find_organisations(Graph.parse(page.scripts('script[type*="ld+json" i]')))
    return read_imprint(page, organisations, is_imprint=is_imprint)


@pytest.mark.parametrize("vat_id", VALID)
def test_a_vat_id_is_found_by_its_check_digits(vat_id: str) -> None:
    assert list(vat_ids_in(f"VAT: {vat_id}.")) == [vat_id]


@pytest.mark.parametrize("vat_id", VALID)
def test_a_vat_id_with_one_wrong_digit_is_not_found(vat_id: str) -> None:
    place = next(place for place, letter in enumerate(vat_id) if place > 3 and letter.isdigit())
    wrong = vat_id[:place] + str((int(vat_id[place]) + 1) % 10) + vat_id[place + 1 :]
    assert list(vat_ids_in(f"VAT: {wrong}.")) == []


def test_every_format_has_an_example() -> None:
    assert {prefix for prefix in CHECKS if any(one.startswith(prefix) for one in VALID)} == set(CHECKS)


@pytest.mark.parametrize(
    ("text", "vat_id"),
    [
        ("USt-IdNr.: DE 136 695 976", "DE136695976"),
        ("UID: ATU 13585627", "ATU13585627"),
        ("TVA intracommunautaire FR 40 303 265 045", "FR40303265045"),
        ("P.IVA 00743110157", "IT00743110157"),
        ("VAT Reg. No. 980 7806 84", "GB980780684"),
        ("CIF: B-58378431", "ESB58378431"),
        ("NIP: 856-734-62-15", "PL8567346215"),
        ("CHE-107.787.577 MWST", "CHE107787577"),
        ("Telefon 136695976", None),
        ("Order DE136695977", None),
        ("ABCDE136695976", None),
    ],
)
def test_spellings_of_a_vat_id(text: str, vat_id: str | None) -> None:
    assert next(vat_ids_in(text), None) == vat_id


def test_an_imprint_gives_the_owner() -> None:
    html = """<h1>Impressum</h1><p>Geigenbau Müller GmbH<br>Hauptstr. 7<br>10115 Berlin</p>
    <p>Registergericht: Amtsgericht Charlottenburg, HRB 12345 B</p><p>USt-IdNr. DE136695976</p>"""
    assert imprint(html) == {"legal_name": "Geigenbau Müller GmbH", "vat_id": "DE136695976", "register": "HRB 12345 B"}


def test_a_marked_up_address_is_kept() -> None:
    assert imprint("<address>Mill Lane 12, Austin</address>")["address"] == {"text": "Mill Lane 12, Austin"}
    structured = (
        '<script type="application/ld+json">{"@type":"Store","name":"x","legalName":"Shop Ltd",'
        '"address":{"streetAddress":"Mill Lane 12"}}</script><address>elsewhere 9</address>'
    )
    assert imprint(structured) == {"legal_name": "Shop Ltd", "address": {"street": "Mill Lane 12"}}


def test_another_page_than_an_imprint_has_no_legal_name() -> None:
    assert imprint("<p>We deliver for Müller GmbH</p>", is_imprint=False) == {}


@pytest.mark.parametrize("register", ["FN 123456 a", "KvK: 12345678", "Company No. 01234567", "HRA 4711"])
def test_register_numbers_of_several_countries(register: str) -> None:
    assert imprint(f"<p>x<p>{register}<p>y")["register"] == register
