"""The category of an e-mail address."""

import pytest

from scrapersky.extraction.email_category import DISPOSABLE, email_category


@pytest.mark.parametrize(
    ("address", "category"),
    [
        ("info@shop.example", "role"),
        ("kontakt@shop.example", "role"),
        ("sales.us@shop.example", "role"),
        ("info2@shop.example", "role"),
        ("shop@shop.example", "role"),
        ("jobs-berlin@shop.example", "role"),
        ("maria.lopez@shop.example", "personal"),
        ("j.smith@shop.example", "personal"),
        ("maria@shop.example", "other"),
        ("x7@shop.example", "other"),
        ("no-reply@shop.example", "no-reply"),
        ("noreply+17@gmail.com", "no-reply"),
        ("bakery@gmail.com", "free"),
        ("info@yahoo.co.uk", "free"),
        ("shop@t-online.de", "free"),
        ("info@mailinator.com", "disposable"),
        ("info@sub.mailinator.com", "disposable"),
    ],
)
def test_an_address_has_a_category(address: str, category: str) -> None:
    assert email_category(address) == category


def test_the_name_of_the_website_is_a_role_at_another_domain_too() -> None:
    assert email_category("brightoven@other.example", "brightoven.example") == "role"


def test_the_list_of_disposable_domains_has_domains_only() -> None:
    assert len(DISPOSABLE) > 8_000
    assert all("." in name and name == name.lower().strip() for name in DISPOSABLE)
    assert not DISPOSABLE & {"gmail.com", "web.de", "gmx.de", "outlook.com"}
