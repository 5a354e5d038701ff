"""E-mail addresses and phone numbers of a page: links first, then structured data, then visible text."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from urllib.parse import unquote

from scrapersky.extraction.countries import countries_of
from scrapersky.extraction.email_category import email_category
from scrapersky.extraction.emails import RESERVED_HOSTS, email_of, emails_in, emails_in_mailto, emails_of
from scrapersky.extraction.forms import has_contact_form
from scrapersky.extraction.json_ld import Graph, Node
from scrapersky.extraction.obfuscated_emails import obfuscated_emails
from scrapersky.extraction.organisation import address_country
from scrapersky.extraction.page import MAX_URL, HtmlPage, PageLimits
from scrapersky.extraction.phones import numbers_in, numbers_in_tel, numbers_of, without_repetitions
from scrapersky.extraction.socials import read_socials
from scrapersky.extraction.withholding import withhold
from scrapersky.vocabulary import ContactKind, FoundIn
from scrapersky.web.storable import tidy
from scrapersky.web.urls import normalise_url

MAX_CONTEXT = 200
"""Characters kept of the text around a contact."""


_LAST_DIGITS = 7
"""Digits by which a phone number is found in a text that writes it in a national form."""
_NOT_DIGITS = re.compile(r"\D")

_MAIL_LINK = re.compile(r"mailto:[^\"'<>\s)]{3,500}", re.IGNORECASE)
_CALL = re.compile(r"(?<!\w)tel:[^\"'<>;)]{3,60}", re.IGNORECASE)
_WEBMAIL = re.compile(
    r"https://(?:mail\.google|outlook\.(?:live|office))\.com/[^#]{0,300}?[?&]to=([^&#]{3,300})", re.IGNORECASE
)
_ADDRESS_AS_LINK = re.compile(r"(?:https?://)?([^\s/:?#@]{1,64}@[^\s/:?#@]{4,255})/?", re.IGNORECASE)
_EMAIL_METAS = ("og:email", "business:contact_data:email", "reply-to")
_PHONE_METAS = ("og:phone_number", "business:contact_data:phone_number")


Found = tuple[str, FoundIn]
"""A contact, and how the page gives it."""


@dataclass(frozen=True)
class Contacts:
    """Distinct e-mail addresses (lower case) and phone numbers (E.164, or bare digits where no country is known).

    Each with how the page gives it first.
    """

    emails: dict[str, FoundIn]
    phones: dict[str, FoundIn]


def find_contacts(
    page: HtmlPage, graph: Graph, organisations: Sequence[Node], host: str, limits: PageLimits
) -> list[list[str | None]]:
    """Return the rows of all contacts of ``page``; see :func:`contact_rows`."""
    contacts = read_contacts(
        page,
        graph,
        country=address_country(organisations),
        host=host,
        limit=limits.contacts,
        reserved_hosts=limits.reserved_hosts,
    )
    same_as = (url for node in organisations for text in node.texts("sameAs")[:50] for url in text.split(", "))
    socials = {network: url[:MAX_URL] for network, url in read_socials(page, same_as).items()}
    return contact_rows(page, contacts, socials, host, limits.keep)


def read_contacts(
    page: HtmlPage, graph: Graph, *, country: str | None, host: str, limit: int, reserved_hosts: bool = False
) -> Contacts:
    """Return at most ``limit`` e-mail addresses and as many phone numbers of ``page``, whose JSON-LD is ``graph``.

    ``country`` is that of its organisation's address (ISO 3166-1 alpha-2). National numbers are read with it, with the
    country of ``host`` and with other evidence on the page. Addresses at ``.example`` (RFC 2606) are placeholders,
    except with ``reserved_hosts``, for the internet on loopback.
    """
    emails = _first(_emails(page, graph))
    if not reserved_hosts:
        emails = {email: found_in for email, found_in in emails.items() if not email.endswith(RESERVED_HOSTS)}
    phones = _first(_phones(page, graph, country, host))
    return Contacts(
        emails=dict(islice(emails.items(), limit)),
        phones={number: phones[number] for number in without_repetitions(phones)[:limit]},
    )


def contact_rows(
    page: HtmlPage, contacts: Contacts, socials: Mapping[str, str], host: str, keep: Sequence[str]
) -> list[list[str | None]]:
    """Return [kind, value, how it is found, category, context] of each contact of ``page``, a contact form last.

    In the contexts, addresses are masked whose category is not in ``keep``.
    """

    def around(line: str, value: str) -> str:
        masked: str = withhold(line, keep, host)
        return _around(masked, masked.lower().find(value) if value else 0)

    lines = [(line, line.lower(), _NOT_DIGITS.sub("", line)) for line in page.text.splitlines()]
    rows: list[list[str | None]] = []
    for email, found_in in contacts.emails.items():
        context = next((around(line, email) for line, lower, _ in lines if email in lower), None)
        rows.append([ContactKind.EMAIL, email, found_in, email_category(email, host), context])
    for number, found_in in contacts.phones.items():
        end = number[-_LAST_DIGITS:]
        context = next((around(line, "") for line, _, digits in lines if end in digits), None)
        rows.append([ContactKind.PHONE, number, found_in, None, context])
    rows += [[ContactKind.SOCIAL, url, FoundIn.LINK, network, None] for network, url in socials.items()]
    if has_contact_form(page) and (url := normalise_url(page.url)):
        rows.append([ContactKind.FORM, url, FoundIn.FORM, None, None])
    return rows


def _around(line: str, place: int) -> str:
    """Return at most :data:`MAX_CONTEXT` characters of ``line`` around ``place``."""
    start = max(0, min(place - MAX_CONTEXT // 4, len(line) - MAX_CONTEXT))
    return tidy(line[start : start + MAX_CONTEXT], MAX_CONTEXT) or ""


def _first(found: Iterable[Found]) -> dict[str, FoundIn]:
    """Return each contact once, with how it was found first."""
    first: dict[str, FoundIn] = {}
    for value, found_in in found:
        first.setdefault(value, found_in)
    return first


def _phones(page: HtmlPage, graph: Graph, country: str | None, host: str) -> Iterator[Found]:
    scripted = [
        link for element in page.elements("[onclick*='tel:' i]") for link in _CALL.findall(element["onclick"][:10_000])
    ]
    labelled = [(number, FoundIn.TEL) for href in (*page.links, *scripted) for number in numbers_in_tel(href)]
    labelled += [(text, FoundIn.JSON_LD) for node in graph.nodes for text in node.texts("telephone")]
    labelled += [(text, FoundIn.META) for text in _attributes(page, "telephone", *_PHONE_METAS)]
    international = [number for number, _ in labelled if "+" in number[:3]]
    countries = countries_of(address=country, host=host, language=page.language, numbers=international)
    for text, found_in in labelled[:1_000]:
        yield from ((number, found_in) for number in numbers_of(text, countries))
    yield from ((number, FoundIn.TEXT) for number in numbers_in(page.text, countries))


def _emails(page: HtmlPage, graph: Graph) -> Iterator[Found]:
    yield from ((email, FoundIn.MAILTO) for email in _linked_emails(page))
    yield from ((email, FoundIn.OBFUSCATED) for email in obfuscated_emails(page))
    for element in page.elements("[onclick*='mailto:' i], form[action^='mailto:' i]"):
        for link in _MAIL_LINK.findall(f"{element.get('onclick', '')} {element.get('action', '')}"[:10_000]):
            yield from ((email, FoundIn.MAILTO) for email in emails_in_mailto(link))
    structured = [(text, FoundIn.JSON_LD) for node in graph.nodes for text in node.texts("email")]
    structured += [(text, FoundIn.META) for text in _attributes(page, "email", *_EMAIL_METAS)]
    for text, found_in in structured:
        yield from ((email, found_in) for email in emails_of(text))
    literal = page.text.lower()
    for email in emails_in(page.text):
        yield email, FoundIn.TEXT if email in literal else FoundIn.OBFUSCATED


def _linked_emails(page: HtmlPage) -> Iterator[str]:
    for href in page.links:
        if (start := href.lower().find("mailto:")) >= 0:  # not always at the start: some editors prepend http://
            yield from emails_in_mailto(href[start:])
        elif compose := _WEBMAIL.match(href):
            yield from emails_in_mailto(f"mailto:{compose[1]}")
        elif "@" in href and (bare := _ADDRESS_AS_LINK.fullmatch(href)) and (email := email_of(unquote(bare[1]))):
            yield email


def _attributes(page: HtmlPage, item: str, *metas: str) -> list[str]:
    """Return the contents of microdata attributes and of meta elements.

    Microdata in text is part of the visible text.
    """
    contents = [element["content"] for element in page.elements(f"[itemprop~={item} i][content]")]
    return [*contents, *(content for meta in metas for content in page.metas.get(meta, ()))][:1_000]
