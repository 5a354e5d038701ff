"""E-mail addresses that are decoded in the browser by a script."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapersky.extraction.obfuscated_emails import cloudflare_email, obfuscated_emails, typo3_emails
from tests.unit.domain_scheduler.pages import a_page


def encoded_by_cloudflare(address: str, key: int = 0x5A) -> str:
    """Return ``address`` as Cloudflare encodes it."""
    return bytes([key, *(byte ^ key for byte in address.encode())]).hex()


def test_an_address_encoded_by_cloudflare_is_decoded() -> None:
    assert cloudflare_email(encoded_by_cloudflare("service@shop.com")) == "service@shop.com"
    assert cloudflare_email(encoded_by_cloudflare("service@shop.com?subject=Hi", key=0)) == "service@shop.com"


@pytest.mark.parametrize("encoded", ["", "5", "5a", "zz00", "5a5", encoded_by_cloudflare("no address"), "ff" * 300])
def test_a_text_that_cloudflare_did_not_encode_is_rejected(encoded: str) -> None:
    assert cloudflare_email(encoded) is None


@pytest.mark.parametrize("token", ["nbjmup+jogpAtipq/dpn", "kygjrm8gldmYqfmn,amk", "ocknvq,kphqBujqr0eqo"])
def test_an_address_encoded_by_typo3_is_decoded_whatever_its_shift(token: str) -> None:
    assert list(typo3_emails(token)) == ["info@shop.com"]


JOOMLA = """<script>
 var prefix = 'ma' + 'il' + 'to'; var path = 'hr' + 'ef' + '=';
 var addy57 = '&#105;nf&#111;' + '&#64;';
 addy57 = addy57 + 'sh&#111;p' + '&#46;' + 'c&#111;m';
 document.write('<a ' + path + '\\'' + prefix + ':' + addy57 + '\\'>');
</script>"""


@pytest.mark.parametrize(
    "html",
    [
        f"<a href='/cdn-cgi/l/email-protection#{encoded_by_cloudflare('info@shop.com')}'>x</a>",
        f"<span data-cfemail={encoded_by_cloudflare('info@shop.com')}>x</span>",
        "<a href=\"javascript:linkTo_UnCryptMailto('ocknvq,kphqBujqr0eqo');\">x</a>",
        "<a href='javascript:linkTo_UnCryptMailto(%27ocknvq%2CkphqBujqr0eqo%27);'>x</a>",
        "<a href=# data-mailto-token=ocknvq,kphqBujqr0eqo data-mailto-vector=2>x</a>",
        "<joomla-hidden-mail first=aW5mbw== last=c2hvcC5jb20=>x</joomla-hidden-mail>",
        JOOMLA,
    ],
)
def test_an_obfuscated_address_is_found_in_its_page(html: str) -> None:
    assert list(obfuscated_emails(a_page(html))) == ["info@shop.com"]


def test_the_example_of_joomlas_element_is_base64() -> None:
    assert base64.b64decode("aW5mbw==") + b"@" + base64.b64decode("c2hvcC5jb20=") == b"info@shop.com"


@pytest.mark.parametrize("piece", ["var addy='", "var addy=''+", "var addy='x';addy=addy+", "addy"])
def test_a_megabyte_of_near_matches_takes_linear_time(piece: str) -> None:
    page = a_page("<script>" + piece * (1_000_000 // len(piece)))
    began = time.process_time()
    assert list(obfuscated_emails(page)) == []
    assert time.process_time() - began < 3


@given(st.text(max_size=100))
def test_any_text_can_be_decoded(text: str) -> None:
    cloudflare_email(text)
    list(typo3_emails(text))
