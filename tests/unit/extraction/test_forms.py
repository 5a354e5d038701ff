"""Contact forms."""

import pytest

from scrapersky.extraction.forms import has_contact_form
from scrapersky.extraction.page import HtmlPage

FORM = "<input type=email name=x><textarea name=message></textarea>"


@pytest.mark.parametrize(
    ("html", "is_contact_form"),
    [
        (f"<form action=/send>{FORM}</form>", True),
        ("<form><input name=your-email><textarea></textarea></form>", True),
        ("<iframe src=https://form.jotform.com/1></iframe>", True),
        (f"<form id=commentform>{FORM}</form>", False),
        (f"<form class=newsletter-box>{FORM}</form>", False),
        ("<form><input type=email></form>", False),
        ("<form><textarea></textarea></form>", False),
        (f"<div>{FORM}</div>", False),
    ],
)
def test_a_form_for_a_message_with_an_address_is_a_contact_form(html: str, is_contact_form: bool) -> None:
    assert has_contact_form(HtmlPage.parse(html, "https://shop.example/", 1_000)) is is_contact_form
