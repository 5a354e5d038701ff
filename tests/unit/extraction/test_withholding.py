"""Minimisation: addresses whose category is not kept are masked in texts and JSON values."""

import pytest

from scrapersky.extraction.withholding import withhold
from scrapersky.vocabulary import EmailCategory

KEEP = ("role", "other", "free")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Ask Maria.Lopez@shop.example.", "Ask [withheld]."),
        ("info@shop.example, maria.lopez@shop.example", "info@shop.example, [withheld]"),
        ("<maria.lopez@xn--mller-kva.example>", "<[withheld]>"),
        ("mailto:%20maria.lopez%40shop.example?subject=x", "mailto:%20[withheld]?subject=x"),
        ("x%20maria.lopez@shop.example", "x%20[withheld]"),
        ("maria.lopez [at] shop (dot) example", "[withheld]"),
        ("MARIA LOPEZ: maria.lopez@shop", "MARIA LOPEZ: [withheld]"),
        ("no-reply@shop.example", "[withheld]"),
        ("a@mailinator.com", "[withheld]"),
        ("maria.lopez@gmail.com", "maria.lopez@gmail.com"),
        ("visit us [at] the fair, or https://maps.example/@52.5,13.4", "visit us [at] the fair, or https://maps.example/@52.5,13.4"),
    ],
)  # fmt: skip
def test_only_addresses_of_categories_that_are_not_kept_are_masked(text: str, kept: str) -> None:
    assert withhold(text, KEEP, "shop.example") == kept


def test_keys_and_values_of_json_are_masked() -> None:
    address = "j.smith@shop.example"
    value = {"employee": [{"email": address, "age": 3, "on": True}], address: None}
    assert withhold(value, KEEP, "") == {
        "employee": [{"email": "[withheld]", "age": 3, "on": True}],
        "[withheld]": None,
    }


def test_nothing_changes_where_all_categories_are_kept() -> None:
    assert withhold("j.smith [at] shop.example", tuple(EmailCategory), "") == "j.smith [at] shop.example"


def test_the_name_of_the_website_is_no_person() -> None:
    assert withhold("maria-lopez@gmx.example, maria-lopez@a.example", KEEP, "maria-lopez.example") == (
        "maria-lopez@gmx.example, maria-lopez@a.example"
    )
