"""Home pages: any bytes are read as a page, and every fact read from it can be stored."""

import json
from collections.abc import Iterable

from domain_scheduler.client_redirects import redirect_target
from scrapersky.extraction.blocked_pages import (
    reject_blank,
    reject_challenge,
    reject_challenge_or_parking,
    reject_non_html,
)
from scrapersky.extraction.page import HtmlPage
from scrapersky.settings import Settings
from scrapersky.web.charset import decode
from scrapersky.web.fetched import Fetched, Headers
from scrapersky.web.urls import normalise_url
from sitemap_scheduler.home_page_links import read_links
from tests.facts import facts_and_columns
from tests.fuzz.runner import Target, hold
from tests.fuzz.seeds import pages

URL = "https://shop.example.com/home/"
SETTINGS = Settings()
TYPES = ("text/html", "text/html; charset=utf-8", "", "text/html; charset=windows-1251", "text/html;charset=\"x'")


def check(body: bytes) -> None:
    """Read a page; the first byte selects the Content-Type."""
    kind, body = TYPES[body[0] % len(TYPES) if body else 0], body[1:]
    fetched = Fetched(200, URL, URL, (), Headers([("Content-Type", kind)]), body, False, len(body))
    decoded = decode(body, kind)
    page = HtmlPage.parse(decoded.text, URL, SETTINGS.metadata_max_text)
    reject_challenge(fetched)
    reject_non_html(fetched)
    reject_challenge_or_parking(page, None)
    reject_blank(page)
    for url in (redirect_target(page), *(link for links in read_links(fetched).values() for link in links)):
        hold(url is None or normalise_url(url) == url, "a link that is not normalised", url)
    facts = facts_and_columns(page, fetched, "shop.example.com")
    for column, value in facts.items():
        hold(value not in (None, "", [], {}), "an empty fact", column)
        if column.endswith("_url"):
            hold(isinstance(value, str) and value.startswith("http"), f"{column} is not a URL", value)
    # Postgres accepts neither NUL nor lone surrogates, and JSON cannot express infinity.
    text = json.dumps(facts, ensure_ascii=False, allow_nan=False)
    text.encode("utf-8")
    hold("\\u0000" not in text, "a NUL", text[max(0, text.find("\\u0000") - 80) :][:160])
    hold(len(text) < 4 * (SETTINGS.metadata_max_json_bytes + 300_000), "facts exceed the size limit", len(text))
    for phone in facts.get("phone_numbers", []):
        hold(phone.removeprefix("+").isdecimal() and len(phone) <= 16, "not a phone number", phone)
    for email in facts.get("email_addresses", []):
        hold(email.isascii() and email == email.lower() and email.count("@") == 1, "not an e-mail address", email)


def seeds() -> Iterable[bytes]:
    """Yield real home pages and a small one."""
    for body in pages():
        yield b"\x00" + body


TARGET = Target(
    name="pages",
    about="home pages: decoding, HTML parsing, extraction of all facts",
    check=check,
    seeds=seeds,
    words=tuple(
        b"<title> </title> <meta|name=description|content='x'> <meta|charset=koi8-r> <base|href=//a.b/>"
        b" <a|href='mailto:a@b.com'>"
        b' <a|href=\'tel:+49|30|123456\'> <script|type=application/ld+json>{"@graph":[{"@type":"Hotel","name":"x"}]}</script>'
        b" <script> </script> <svg> <svg|xlink:href=u> <a|xlink:href='tel:1'> <link|xlink:href=u> <math>"
        b" <div> </div> <template> <p|lang=de> <html|lang=pt-br>"
        b" <link|rel=icon|href=/a> <img|alt=logo|src=a>"
        b" a@ @b.com 1-2-3- +1 (0) 0151/23456 &#64; &#x0; &nbsp; \x00 \xed\xa0\x80 \xff\xfe \xef\xbb\xbf <!-- --> ]]> <![CDATA["
        b' "telephone":"+1|202|555|0143" "sameAs":["//x.com/a"] 1e999 NaN [[[[[[ {{{{{{ data-cfemail=aabbcc'
        b' opens":"09:00" Mo-Fr|09:00-17:00 https://facebook.com/shop'.replace(b"\n", b"").split(b" ")
    ),
    seconds_per_megabyte=20.0,
)
