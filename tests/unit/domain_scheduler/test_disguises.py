"""E-mail addresses that scripts put together are read as those scripts do."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain_scheduler.disguises import cloudflare_email, disguised_emails, typo3_emails
from tests.unit.domain_scheduler.pages import a_page


def protected(address: str, key: int = 0x5A) -> str:
    """What Cloudflare makes of ``address``."""
    return bytes([key, *(byte ^ key for byte in address.encode())]).hex()


def test_cloudflare_s_protection_is_undone() -> None:
    assert cloudflare_email(protected("service@shop.com")) == "service@shop.com"
    assert cloudflare_email(protected("service@shop.com?subject=Hi", key=0)) == "service@shop.com"


@pytest.mark.parametrize("encoded", ["", "5", "5a", "zz00", "5a5", protected("no address"), "ff" * 300])
def test_what_cloudflare_did_not_encode_is_no_address(encoded: str) -> None:
    assert cloudflare_email(encoded) is None


@pytest.mark.parametrize("token", ["nbjmup+jogpAtipq/dpn", "kygjrm8gldmYqfmn,amk", "ocknvq,kphqBujqr0eqo"])
def test_typo3_s_letters_are_moved_back_however_far_they_were(token: str) -> None:
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
        f"<a href='/cdn-cgi/l/email-protection#{protected('info@shop.com')}'>x</a>",
        f"<span data-cfemail={protected('info@shop.com')}>x</span>",
        "<a href=\"javascript:linkTo_UnCryptMailto('ocknvq,kphqBujqr0eqo');\">x</a>",
        "<a href='javascript:linkTo_UnCryptMailto(%27ocknvq%2CkphqBujqr0eqo%27);'>x</a>",
        "<a href=# data-mailto-token=ocknvq,kphqBujqr0eqo data-mailto-vector=2>x</a>",
        "<joomla-hidden-mail first=aW5mbw== last=c2hvcC5jb20=>x</joomla-hidden-mail>",
        JOOMLA,
    ],
)
def test_an_address_in_disguise_is_found_in_its_page(html: str) -> None:
    assert list(disguised_emails(a_page(html))) == ["info@shop.com"]


def test_joomla_s_element_says_it_in_base64() -> None:
    assert base64.b64decode("aW5mbw==") + b"@" + base64.b64decode("c2hvcC5jb20=") == b"info@shop.com"


@pytest.mark.parametrize("piece", ["var addy='", "var addy=''+", "var addy='x';addy=addy+", "addy"])
def test_a_megabyte_of_almost_cloaked_addresses_takes_no_time(piece: str) -> None:
    page = a_page("<script>" + piece * (1_000_000 // len(piece)))
    began = time.process_time()
    assert list(disguised_emails(page)) == []
    assert time.process_time() - began < 3


@given(st.text(max_size=100))
def test_no_text_breaks_the_readers(text: str) -> None:
    cloudflare_email(text)
    list(typo3_emails(text))
