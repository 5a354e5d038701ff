"""Contact pages: what they add to the contacts of the home page, and whether each contact is on its page."""

import html
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from domain_scheduler.home_page import read_home_page
from page_scheduler.contact_page import read_contact_page
from scrapersky.settings import Settings
from scrapersky.web.charset import decode_page
from scrapersky.web.fetched import Fetched, Headers
from scrapersky.web.hosts import normalise_host
from tests.agreement.corpus import Corpus
from tests.agreement.score import Table

MOST = Settings().page_reading_max_pages
OBFUSCATED = "obfuscated"


@dataclass(frozen=True)
class Found:
    """A contact as a page gives it. ``page`` is its path in the corpus, ``index.html`` for the home page."""

    domain: str
    page: str
    kind: str
    value: str
    found_in: str
    category: str | None
    context: str | None
    source: str


def read_all(corpus: Corpus) -> Iterator[Found]:
    """Return the contacts of each home page, and then those of its contact pages that the corpus has."""
    for site in corpus.sites():
        host, base = normalise_host(site["domain"]), f"https://{site['domain']}{site['base_path']}/"
        home = _fetched(corpus, site, "index.html", base)
        facts = read_home_page(home, host=host, follow=False, limits={}).get("facts", {})
        yield from _found(site, "index.html", facts.get("contacts", ()), home)
        for path, url, is_imprint in _pages(corpus, site, base, facts.get("links", ())):
            page = _fetched(corpus, site, path, url)
            read = read_contact_page(page, host=host, is_imprint=is_imprint, limits={})
            yield from _found(site, path, read.get("contacts", ()), page)


def compare(corpus: Corpus) -> Table:
    """Compare the contacts of contact pages with their pages; one row per kind."""
    table = Table("Contact pages, by kind")
    for found in read_all(corpus):
        if found.page == "index.html" or found.found_in == OBFUSCATED:
            continue
        where = f"{found.domain}/{found.page}"
        if found.kind == "email":
            table["e-mails are on the page"].count(found.value in found.source.lower(), where, found.value)
        elif found.kind == "phone":
            digits = re.sub(r"\D", "", found.source)
            table["phones are on the page"].count(re.sub(r"\D", "", found.value)[-7:] in digits, where, found.value)
    return table


def gains(corpus: Corpus) -> dict[str, dict[str, int]]:
    """Return {kind: {"home page", "with contact pages", "websites", "websites with contact pages"}}."""
    known: Counter[tuple[str, str]] = Counter()
    sites: dict[tuple[str, str], set[str]] = {}
    seen: set[tuple[str, str, str]] = set()
    for found in read_all(corpus):
        at_home = found.page == "index.html"
        if (found.domain, found.kind, found.value) not in seen:
            seen.add((found.domain, found.kind, found.value))
            known[(found.kind, "home page" if at_home else "added")] += 1
        sites.setdefault((found.kind, "all"), set()).add(found.domain)
        if at_home:
            sites.setdefault((found.kind, "home page"), set()).add(found.domain)
    return {
        kind: {
            "home page": known[(kind, "home page")],
            "with contact pages": known[(kind, "home page")] + known[(kind, "added")],
            "websites": len(sites.get((kind, "home page"), ())),
            "websites with contact pages": len(sites.get((kind, "all"), ())),
        }
        for kind in ("email", "phone", "social", "form")
    }


def gains_as_text(rows: dict[str, dict[str, int]]) -> str:
    """Return :func:`gains` as a table."""
    lines = ["Contacts by kind, and websites that have one", "-" * 44]
    for kind, row in rows.items():
        lines.append(
            f"{kind:8} home page {row['home page']:4}, with contact pages {row['with contact pages']:4};"
            f" websites {row['websites']:3}, {row['websites with contact pages']:3}"
        )
    return "\n".join(lines)


def _pages(
    corpus: Corpus, site: dict[str, Any], base: str, links: list[dict[str, Any]]
) -> Iterator[tuple[str, str, bool]]:
    """Return (path in the corpus, URL, whether it may be an imprint) of the contact pages that the corpus has."""
    folder = corpus.folder / "sites" / site["dir"]
    number: Counter[str] = Counter()
    ranked = []
    for link in links:
        number[link["page_type"]] += 1
        ranked.append((number[link["page_type"]], link["url"], link["page_type"]))
    for _, url, kind in sorted(ranked)[:MOST]:
        path = unquote(urlsplit(url).path).removeprefix(urlsplit(base).path).strip("/")
        candidates = [path, f"{path}.html", *(str(PurePosixPath(path, f"index.{end}")) for end in ("html", "htm"))]
        if found := next((one for one in candidates if one and (folder / one).is_file()), None):
            yield found, url, kind == "legal"


def _fetched(corpus: Corpus, site: dict[str, Any], path: str, url: str) -> Fetched:
    body = corpus.read("sites", site["dir"], path)
    return Fetched(200, url, url, (), Headers([("Content-Type", "text/html")]), body, False, len(body))


def _found(site: dict[str, Any], path: str, rows: list[list[Any]], page: Fetched) -> Iterator[Found]:
    source = html.unescape(unquote(decode_page(page).text))
    for kind, value, found_in, category, context in rows:
        yield Found(site["domain"] + site["base_path"], path, kind, value, found_in, category, context, source)
