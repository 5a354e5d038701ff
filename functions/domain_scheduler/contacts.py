"""How to reach whoever stands behind a page: links first, then structured data, then what is written."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from domain_scheduler.countries import countries_of
from domain_scheduler.disguises import disguised_emails
from domain_scheduler.emails import email_of, emails_in, emails_in_mailto
from domain_scheduler.html_page import HtmlPage
from domain_scheduler.organisation import address_country
from domain_scheduler.phones import number_of, numbers_in, numbers_in_tel, without_repetitions
from domain_scheduler.structured_data import nodes, texts

_MAIL_LINK = re.compile(r"mailto:[^\"'<>\s)]{3,500}", re.IGNORECASE)
_CALL = re.compile(r"(?<!\w)tel:[^\"'<>;)]{3,60}", re.IGNORECASE)
_WEBMAIL = re.compile(
    r"https://(?:mail\.google|outlook\.(?:live|office))\.com/[^#]{0,300}?[?&]to=([^&#]{3,300})", re.IGNORECASE
)
_MEANT_AS_MAIL = re.compile(r"(?:https?://)?([^\s/:?#@]{1,64}@[^\s/:?#@]{4,255})/?", re.IGNORECASE)
_EMAIL_METAS = ("og:email", "business:contact_data:email", "reply-to")
_PHONE_METAS = ("og:phone_number", "business:contact_data:phone_number")


@dataclass(frozen=True)
class Contacts:
    """Distinct e-mail addresses (lower case) and phone numbers (E.164, or bare digits where no country is known)."""

    emails: list[str]
    phones: list[str]


def read_contacts(
    page: HtmlPage, json_ld: Sequence[Any], found: Sequence[Mapping[str, Any]], host: str, limit: int
) -> Contacts:
    """At most ``limit`` of each that ``page`` gives, its organisations ``found`` in its ``json_ld``."""
    called = [
        call for element in page.elements("[onclick*='tel:' i]") for call in _CALL.findall(element["onclick"][:10_000])
    ]
    given = [number for href in (*page.links, *called) for number in numbers_in_tel(href)]
    given += [text for node in nodes(json_ld) for text in texts(node.get("telephone"))]
    given += _said(page, "telephone", *_PHONE_METAS)
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
    for href in page.links:
        if (start := href.lower().find("mailto:")) >= 0:  # not always first: an editor may have put http:// before it
            yield from emails_in_mailto(href[start:])
        elif compose := _WEBMAIL.match(href):
            yield from emails_in_mailto(f"mailto:{compose[1]}")
        elif "@" in href and (meant := _MEANT_AS_MAIL.fullmatch(href)) and (email := email_of(unquote(meant[1]))):
            yield email
    yield from disguised_emails(page)
    for element in page.elements("[onclick*='mailto:' i], form[action^='mailto:' i]"):
        for link in _MAIL_LINK.findall(f"{element.get('onclick', '')} {element.get('action', '')}"[:10_000]):
            yield from emails_in_mailto(link)
    said = [text for node in nodes(json_ld) for text in texts(node.get("email"))]
    for text in (*said, *_said(page, "email", *_EMAIL_METAS)):
        if email := email_of(text.removeprefix("mailto:").strip("\u200b\ufeff ")):
            yield email
    yield from emails_in(page.text)


def _said(page: HtmlPage, item: str, *metas: str) -> list[str]:
    """What microdata (where it is not text) and meta elements say."""
    said = [element["content"] for element in page.elements(f"[itemprop~={item} i][content]")]
    return [*said, *(content for meta in metas for content in page.metas.get(meta, ()))][:1_000]
