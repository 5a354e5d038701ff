"""How to reach whoever stands behind a page: links first, then structured data, then what is written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain_scheduler.countries import countries_of
from domain_scheduler.emails import cloudflare_email, email_of, emails_in, emails_in_mailto
from domain_scheduler.html_page import HtmlPage
from domain_scheduler.organisation import address_country
from domain_scheduler.phones import number_of, numbers_in, numbers_in_tel, without_repetitions
from domain_scheduler.structured_data import nodes, texts

_PROTECTED = "/cdn-cgi/l/email-protection#"


@dataclass(frozen=True)
class Contacts:
    """Distinct e-mail addresses (lower case) and phone numbers (E.164, or bare digits where no country is known)."""

    emails: list[str]
    phones: list[str]


def read_contacts(
    page: HtmlPage, json_ld: Sequence[Any], found: Sequence[Mapping[str, Any]], host: str, limit: int
) -> Contacts:
    """At most ``limit`` of each that ``page`` gives, its organisations ``found`` in its ``json_ld``."""
    given = [number for href in page.links() for number in numbers_in_tel(href)]
    given += [text for node in nodes(json_ld) for text in texts(node.get("telephone"))]
    countries = countries_of(
        address=address_country(found), host=host, language=page.language, numbers=[n for n in given if "+" in n[:3]]
    )
    numbers = [number for text in given[:1_000] if (number := number_of(text, countries))]
    numbers += numbers_in(page.text, countries)
    return Contacts(
        emails=list(dict.fromkeys(_emails(page, json_ld)))[:limit],
        phones=without_repetitions(numbers)[:limit],
    )


def _emails(page: HtmlPage, json_ld: Sequence[Any]) -> Iterator[str]:
    for href in page.links():
        if href[:7].lower() == "mailto:":
            yield from emails_in_mailto(href)
        elif _PROTECTED in href and (email := cloudflare_email(href.partition("#")[2])):
            yield email
    for element in page.elements("[data-cfemail]"):
        if email := cloudflare_email(element["data-cfemail"]):
            yield email
    for node in nodes(json_ld):
        for text in texts(node.get("email")):
            if email := email_of(text.removeprefix("mailto:").strip("\u200b\ufeff ")):
                yield email
    yield from emails_in(page.text)
