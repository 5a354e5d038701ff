"""Home pages: the facts that are read, one row per field; and the encodings, one row each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scrapersky.contacts import NETWORKS
from scrapersky.extraction.json_ld import Graph
from scrapersky.extraction.page import HtmlPage
from scrapersky.web.charset import decode
from scrapersky.web.fetched import Fetched, Headers
from scrapersky.web.hosts import normalise_host
from tests.agreement.corpus import Corpus
from tests.agreement.score import Table
from tests.facts import facts_and_columns

TRUTH_ENDS_EARLY = "www.360tinted.com"
"""A page with content behind its first ``</html>``: browsers read it, the library behind the truth does not."""

_MICRODATA = re.compile(r"""itemtype=["']https?://schema\.org/(\w+)""", re.IGNORECASE)


@dataclass(frozen=True)
class Read:
    """One home page as it is read, and the truth about it."""

    domain: str
    truth: dict[str, Any]
    encoding: str
    page: HtmlPage
    source: str
    graph: Graph
    facts: dict[str, Any]


def read_all(corpus: Corpus) -> Iterator[Read]:
    """Read every home page of the corpus."""
    for site in corpus.sites():
        body = corpus.read("sites", site["dir"], "index.html")
        url = f"https://{site['domain']}{site['base_path']}/"
        fetched = Fetched(200, url, url, (), Headers([("Content-Type", "text/html")]), body, False, len(body))
        decoded = decode(body, "text/html")
        page = HtmlPage.parse(decoded.text, url, 500_000)
        yield Read(
            domain=site["domain"] + site["base_path"],
            truth=site["home"],
            encoding=decoded.encoding,
            page=page,
            source=decoded.text,
            graph=Graph.parse(page.scripts('script[type*="ld+json" i]')),
            facts=facts_and_columns(page, fetched, normalise_host(site["domain"])),
        )


def compare(corpus: Corpus) -> Table:
    """Compare the home pages; one row per field."""
    table = Table("Home pages, by field")
    for read in read_all(corpus):
        _compare_texts(table, read)
        _compare_structured_data(table, read)
        _compare_contacts(table, read)
        if read.domain != TRUTH_ENDS_EARLY:
            _compare_socials(table, read)
    return table


def compare_encodings(corpus: Corpus) -> Table:
    """Compare the home pages that were converted to another encoding; one row per encoding and declaration."""
    table = Table("Home pages, by encoding")
    for entry in corpus.derived_encodings():
        decoded = decode(corpus.read("derived_encodings", entry["file"]), entry["content_type"])
        page = HtmlPage.parse(decoded.text, "https://x.example/", 500_000)
        ours = (page.title, page.description)
        table[f"{entry['encoding']} ({entry['declared']})"].count(
            ours == (entry["title"], entry["description"]), entry["file"], f"read as {decoded.encoding}: {ours!r}"
        )
    return table


def _compare_texts(table: Table, read: Read) -> None:
    truth, facts, where = read.truth, read.facts, read.domain
    for name, ours, theirs in (
        ("title", facts.get("title"), truth["title"]),
        ("description", facts.get("description"), truth["description"] or truth["og"].get("og:description")),
        ("lang", (facts.get("language") or "").lower(), (truth["html_lang"] or "").lower().partition(",")[0]),
        ("encoding", read.encoding.replace("-", ""), truth["encoding_whatwg"].replace("-", "")),
        ("generator", read.page.metas.get("generator", []), truth["generators"]),
    ):
        table[name].count(ours == theirs or (not ours and not theirs), where, f"{ours!r}, not {theirs!r}")
    for version in re.findall(r"^WordPress ([\d.]+)", "\n".join(truth["generators"]), re.MULTILINE):
        ours = facts.get("wordpress_version")
        table["WordPress version"].count(ours == version, where, f"{ours!r}, not {version!r}")


def _compare_structured_data(table: Table, read: Read) -> None:
    truth, where = read.truth, read.domain
    if not truth["extruct_errors"]:
        # The truth includes microdata, which is not read: a type may be missing only if it is microdata.
        types = {kind for node in read.graph.nodes for kind in node.types}
        other = types ^ set(truth["jsonld_types"])
        agrees = other <= set(_MICRODATA.findall(read.source)) - types
        table["JSON-LD types"].count(agrees, where, f"differ in {other}")
    names = {
        " ".join(each["name"].split()) for each in truth["organizations"] if each.get("address") and each.get("name")
    }
    if names:
        ours = read.facts.get("organisation", {}).get("name")
        table["JSON-LD organisation"].count(ours in names, where, f"{ours!r}, not one of {names}")


def _compare_contacts(table: Table, read: Read) -> None:
    truth, where = read.truth, read.domain
    emails, phones = read.facts.get("email_addresses", []), read.facts.get("phone_numbers", [])
    for name, given in (("mailto", truth["emails_mailto"]), ("Cloudflare e-mail", truth["emails_cfemail"])):
        for email in given:
            table[name].count(email.lower() in emails, where, f"{email} is missing")
    for email in emails:
        known = email in read.source.lower() or email in truth["emails_cfemail"]
        table["e-mails are on the page"].count(known, where, f"{email} is not")
    for tel in truth["tels"]:
        number = _digits(tel).lstrip("0")[-9:]
        table["tel"].count(any(_digits(phone).endswith(number) for phone in phones), where, f"{tel} is missing")
    for phone in phones:
        table["phones are on the page"].count(_digits(phone)[-7:] in _digits(read.source), where, f"{phone} is not")


def _compare_socials(table: Table, read: Read) -> None:
    for network in NETWORKS:
        links = [
            each["url"] for each in read.truth["socials"] if each["network"] == network and _is_a_profile(each["url"])
        ]
        ours = read.facts.get(f"{network}_url")
        hosts = ("twitter.com", "x.com") if network == "twitter" else (f"{network}.com",)
        links += [url for url in _same_as(read.truth) if _spelling(url).startswith(hosts)]
        if ours or links:
            agrees = _spelling(ours or "") in {_spelling(url) for url in links}
            table["socials"].count(agrees, read.domain, f"{ours!r}, not one of {links}")


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _spelling(url: str) -> str:
    """Return a profile's URL without the parts that do not identify it."""
    url = url.lower() if "profile.php" in url else url.lower().partition("?")[0]
    return re.sub(r"&.*", "", re.sub(r"^https?://(www\.)?", "", url)).rstrip("/")


def _same_as(truth: dict[str, Any]) -> list[str]:
    return [url for found in truth["organizations"] for url in found.get("sameAs", [])]


def _is_a_profile(url: str) -> bool:
    """Return whether ``url`` is a profile.

    The truth lists every link to a network, also to videos and its home page.
    """
    return "/" in _spelling(url) and "/embed/" not in url
