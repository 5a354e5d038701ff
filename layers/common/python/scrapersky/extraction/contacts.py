"""E-mail addresses and phone numbers of a page: links first, then structured data, then visible text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from scrapersky.extraction.countries import countries_of
from scrapersky.extraction.emails import email_of, emails_in, emails_in_mailto, emails_of
from scrapersky.extraction.json_ld import Graph
from scrapersky.extraction.obfuscated_emails import obfuscated_emails
from scrapersky.extraction.page import HtmlPage
from scrapersky.extraction.phones import numbers_in, numbers_in_tel, numbers_of, without_repetitions

_MAIL_LINK = re.compile(r"mailto:[^\"'<>\s)]{3,500}", re.IGNORECASE)
_CALL = re.compile(r"(?<!\w)tel:[^\"'<>;)]{3,60}", re.IGNORECASE)
_WEBMAIL = re.compile(
    r"https://(?:mail\.google|outlook\.(?:live|office))\.com/[^#]{0,300}?[?&]to=([^&#]{3,300})", re.IGNORECASE
)
_ADDRESS_AS_LINK = re.compile(r"(?:https?://)?([^\s/:?#@]{1,64}@[^\s/:?#@]{4,255})/?", re.IGNORECASE)
_EMAIL_METAS = ("og:email", "business:contact_data:email", "reply-to")
_PHONE_METAS = ("og:phone_number", "business:contact_data:phone_number")


@dataclass(frozen=True)
class Contacts:
    """Distinct e-mail addresses (lower case) and phone numbers (E.164, or bare digits where no country is known)."""

    emails: list[str]
    phones: list[str]


def read_contacts(page: HtmlPage, graph: Graph, *, country: str | None, host: str, limit: int) -> Contacts:
    """Return at most ``limit`` e-mail addresses and as many phone numbers of ``page``, whose JSON-LD is ``graph``.

    ``country`` is that of its organisation's address (ISO 3166-1 alpha-2). National numbers are read with it, with the
    country of ``host`` and with other evidence on the page.
    """
    scripted = [
        link for element in page.elements("[onclick*='tel:' i]") for link in _CALL.findall(element["onclick"][:10_000])
    ]
    labelled = [number for href in (*page.links, *scripted) for number in numbers_in_tel(href)]
    labelled += [text for node in graph.nodes for text in node.texts("telephone")]
    labelled += _attributes(page, "telephone", *_PHONE_METAS)
    countries = countries_of(
        address=country, host=host, language=page.language, numbers=[n for n in labelled if "+" in n[:3]]
    )
    numbers = [number for text in labelled[:1_000] for number in numbers_of(text, countries)]
    numbers += numbers_in(page.text, countries)
    return Contacts(
        emails=list(dict.fromkeys(_emails(page, graph)))[:limit],
        phones=without_repetitions(numbers)[:limit],
    )


def _emails(page: HtmlPage, graph: Graph) -> Iterator[str]:
    for href in page.links:
        if (start := href.lower().find("mailto:")) >= 0:  # not always at the start: some editors prepend http://
            yield from emails_in_mailto(href[start:])
        elif compose := _WEBMAIL.match(href):
            yield from emails_in_mailto(f"mailto:{compose[1]}")
        elif "@" in href and (bare := _ADDRESS_AS_LINK.fullmatch(href)) and (email := email_of(unquote(bare[1]))):
            yield email
    yield from obfuscated_emails(page)
    for element in page.elements("[onclick*='mailto:' i], form[action^='mailto:' i]"):
        for link in _MAIL_LINK.findall(f"{element.get('onclick', '')} {element.get('action', '')}"[:10_000]):
            yield from emails_in_mailto(link)
    structured = [text for node in graph.nodes for text in node.texts("email")]
    for text in (*structured, *_attributes(page, "email", *_EMAIL_METAS)):
        yield from emails_of(text)
    yield from emails_in(page.text)


def _attributes(page: HtmlPage, item: str, *metas: str) -> list[str]:
    """Return the contents of microdata attributes and of meta elements.

    Microdata in text is part of the visible text.
    """
    contents = [element["content"] for element in page.elements(f"[itemprop~={item} i][content]")]
    return [*contents, *(content for meta in metas for content in page.metas.get(meta, ()))][:1_000]
