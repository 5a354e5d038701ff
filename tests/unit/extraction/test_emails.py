"""E-mail addresses in text and in links."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapersky.extraction.emails import email_of, emails_in, emails_in_mailto, emails_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to Info@Shop.co.uk.", ["info@shop.co.uk"]),
        ("E-mail:info@shop.com, sales@shop.com", ["info@shop.com", "sales@shop.com"]),
        ("<info@shop.com>", ["info@shop.com"]),
        ("(info+web@shop.com)", ["info+web@shop.com"]),
        ("'info@shop.com'", ["info@shop.com"]),
        ("info@shop.com.Call us", ["info@shop.com"]),
        ("info@zahnarzt-müller.de", ["info@xn--zahnarzt-mller-psb.de"]),
        ("連絡先info@shop.comまで", ["info@shop.com"]),
        ("info@shop.com-", ["info@shop.com"]),
        ("first.last@mail.shop.museum", ["first.last@mail.shop.museum"]),
        ("info [at] shop.com", ["info@shop.com"]),
        ("info(at)shop(dot)com", ["info@shop.com"]),
        ("info {ät} shop [punkt] com", ["info@shop.com"]),
        ("info AT shop DOT co DOT uk", ["info@shop.co.uk"]),
        ("info (arroba) shop.com, jo[arobase]shop.com", ["info@shop.com", "jo@shop.com"]),
        ("info<at>shop<dot>com", ["info@shop.com"]),
        ("info(a)shop.com", ["info@shop.com"]),
        ("info -at- shop.com", ["info@shop.com"]),
        ("E-Mail: info @ shop.com\ninfo@ shop.com", ["info@shop.com", "info@shop.com"]),
        ("info@shop.comTel. 030, jo@shop.comTelefon", ["info@shop.com", "jo@shop.com"]),
        ("o'brien@shop.com, r&d@shop.com", ["o'brien@shop.com", "r&d@shop.com"]),
        ("l'adresse d'info@shop.com", ["info@shop.com"]),
        ("\\u003cinfo@shop.com\\u003e %20jo@shop.com", ["info@shop.com", "jo@shop.com"]),
        ("почтаinfo@shop.com", ["info@shop.com"]),
        ("info [at] shop dot com", ["info@shop.com"]),
        ("info (at) shop punkt co punkt uk", ["info@shop.co.uk"]),
        ("info@shop(dot)com, jo@shop [punkt] co.uk", ["info@shop.com", "jo@shop.co.uk"]),
        ("info AT shop.com", ["info@shop.com"]),
        ("jo.doe AT shop.com", ["jo.doe@shop.com"]),
        ("E-mail: jo AT shop.com", ["jo@shop.com"]),
        ("E-Mailinfo@shop.com, e-mail@shop.com", ["info@shop.com", "e-mail@shop.com"]),
    ],
)
def test_addresses_are_found_in_text(text: str, expected: list[str]) -> None:
    assert list(emails_in(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "logo@2x.png",
        "image@3x.webp",
        "you@example.com",
        "jo@shop.test",
        "jo@localhost",
        "name@yourdomain.com",
        "your@domain.com",
        "youremail@gmail.com",
        "john.doe@gmail.com",
        "test@shop.com",
        "0123456789abcdef0123456789abcdef@sentry.io",
        "605a7baede844d278b89dc95ae0a9123@sentry-next.wixpress.com",
        "x@o123.ingest.sentry.io",
        "@handle",
        "a@b",
        "a@.com",
        "a..b@shop.com",
        "jo@shop.notatld",
        "react@18.2.0",
        "10:30@shop",
        "@media (max-width:1px)",
        "we meet (at) the shop (dot)",
        "option (a) shop.com",
        "follow us @ shop.com today",
        "max@mustermann.de",
        "your@email.com",
        "WE ARE AT YOUR SIDE. COM",
        "jürgen@shop.com",
        "café@shop.com",
        "ivan@example.ru",
        "hello@reallygreatsite.com",
        "nombre@correo.es",
        "votre.nom@email.fr",
        "xxxx@shop.com",
        "open at shop dot com",
        "MEET US AT shop.com",
        "visit us AT shop.com",
        "OPEN AT 9.30",
    ],
)
def test_placeholders_and_similar_texts_are_ignored(text: str) -> None:
    assert list(emails_in(text)) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("info@shop.com", ["info@shop.com"]),
        ("Mailto:Info@shop.com", ["info@shop.com"]),
        ("mailto:info@shop.com?subject=Hi", ["info@shop.com"]),
        ("info@shop.com?subject=Hi", ["info@shop.com"]),
        ("a@shop.com, b@shop.com", ["a@shop.com", "b@shop.com"]),
        ("a@shop.com / b@shop.com", ["a@shop.com", "b@shop.com"]),
        ("Shop <info@shop.com>", ["info@shop.com"]),
        ("Shop &lt;info&#64;shop.com&gt;", ["info@shop.com"]),
        ("info (at) shop (dot) com", ["info@shop.com"]),
        ("Questions? info@shop.com", ["info@shop.com"]),
        ("info%40shop.com", ["info@shop.com"]),
        ("\u200binfo@shop.com", ["info@shop.com"]),
        ("none", []),
    ],
)
def test_every_address_of_a_labelled_value_is_read(value: str, expected: list[str]) -> None:
    assert list(emails_of(value)) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mailto:info@shop.com", ["info@shop.com"]),
        ("MAILTO:Info@Shop.com?subject=Hi%20there", ["info@shop.com"]),
        ("mailto:%69nfo%40shop.com", ["info@shop.com"]),
        ("mailto: info@shop.com ", ["info@shop.com"]),
        ("mailto:a@shop.com,b@shop.com?cc=c@shop.com&bcc=d@shop.com", [f"{x}@shop.com" for x in "abcd"]),
        ("mailto:?to=info@shop.com", ["info@shop.com"]),
        ("mailto:Jo%20Doe%20%3Cjo@shop.com%3E", ["jo@shop.com"]),
        ("mailto:?subject=Look%20at%20this&body=friend@shop.com", []),
        ("mailto:", []),
        ("mailto://info@shop.com", ["info@shop.com"]),
        ("mailto:a@shop.com; b@shop.com", ["a@shop.com", "b@shop.com"]),
        ("mailto:r%26d@shop.com", ["r&d@shop.com"]),
    ],
)
def test_addresses_are_read_from_mailto_links(url: str, expected: list[str]) -> None:
    assert list(emails_in_mailto(url)) == expected


@pytest.mark.parametrize(
    "piece",
    [
        "a@",
        "@",
        "a@b.",
        "a@b.co ",
        "a.@-",
        "é@é.",
        "x" * 70 + "@",
        "(at)",
        " AT a DOT b",
        " [ at ",
        "a AT b.",
        "a@b(dot)",
    ],
)
def test_a_megabyte_of_near_matches_takes_linear_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    began = time.process_time()
    list(emails_in(text))
    assert time.process_time() - began < 2


@given(st.text(alphabet="aB.@-_%+ü日 \n\0\ud800", max_size=100))
def test_a_found_address_is_already_normalised(text: str) -> None:
    for address in emails_in(text):
        assert email_of(address) == address


@given(st.text(max_size=100))
def test_any_text_can_be_searched_for_addresses(text: str) -> None:
    list(emails_in(f"{text}@{text}"))
    list(emails_in_mailto(f"mailto:{text}"))
