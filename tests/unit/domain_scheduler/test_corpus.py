"""Agreement with the corpus of real home pages, field by field. The table is printed (``-s`` or ``-rP`` shows it)."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from domain_scheduler.facts import read_facts
from domain_scheduler.html_page import HtmlPage
from domain_scheduler.structured_data import nodes, read_json_ld, types_of
from scrapersky.service.settings import Settings
from scrapersky.web.charset import decode
from scrapersky.web.client import Fetched
from scrapersky.web.hosts import normalise_host
from scrapersky.web.response import Headers

CORPUS = Path(__file__).parents[3].parent / "shared" / "corpus"
AGREEMENT = 0.98

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the corpus of real websites is not at {CORPUS}")

TRUTH_ENDS_EARLY = "www.360tinted.com"
"""Goes on behind a first ``</html>``, where browsers read on and the library behind the truth does not."""

_MICRODATA = re.compile(r"""itemtype=["']https?://schema\.org/(\w+)""", re.IGNORECASE)

NETWORKS = ("facebook", "twitter", "linkedin", "instagram", "youtube", "tiktok", "pinterest")


@dataclass
class Score:
    """How often a field agreed, and where it did not."""

    right: int = 0
    wrong: list[str] = field(default_factory=list)

    def count(self, agrees: bool, where: str) -> None:
        if agrees:
            self.right += 1
        else:
            self.wrong.append(where)

    @property
    def share(self) -> float:
        return self.right / (self.right + len(self.wrong))


@dataclass(frozen=True)
class Read:
    """One home page as we read it, beside the truth."""

    domain: str
    truth: dict[str, Any]
    encoding: str
    page: HtmlPage
    source: str
    json_ld: list[Any]
    facts: dict[str, Any]


@cache
def all_pages() -> tuple[Read, ...]:
    return tuple(_read_all())


def _read_all() -> Iterator[Read]:
    for line in (CORPUS / "truth.jsonl").read_text("utf-8").splitlines():
        site = json.loads(line)
        body = (CORPUS / "sites" / site["dir"] / "index.html").read_bytes()
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
            json_ld=read_json_ld(page.scripts('script[type*="ld+json" i]')),
            facts=read_facts(page, fetched, normalise_host(site["domain"]), Settings()),
        )


def digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def spelling(url: str) -> str:
    """A profile's url without what does not tell it apart."""
    url = url.lower() if "profile.php" in url else url.lower().partition("?")[0]
    return re.sub(r"&.*", "", re.sub(r"^https?://(www\.)?", "", url)).rstrip("/")


def same_as(truth: dict[str, Any]) -> list[str]:
    return [url for found in truth["organizations"] for url in found.get("sameAs", [])]


def is_a_profile(url: str) -> bool:
    """The truth lists every link to a network: its front door and embedded videos are no profiles."""
    return "/" in spelling(url) and "/embed/" not in url


def scores() -> dict[str, Score]:
    found: dict[str, Score] = defaultdict(Score)
    for read in all_pages():
        truth, facts, where = read.truth, read.facts, read.domain
        for name, ours, theirs in (
            ("title", facts.get("title"), truth["title"]),
            ("description", facts.get("description"), truth["description"] or truth["og"].get("og:description")),
            ("html_lang", (facts.get("language") or "").lower(), (truth["html_lang"] or "").lower().partition(",")[0]),
            ("encoding", read.encoding.replace("-", ""), truth["encoding_whatwg"].replace("-", "")),
            ("generators", read.page.metas.get("generator", []), truth["generators"]),
        ):
            found[name].count(ours == theirs or (not ours and not theirs), f"{where}: {ours!r}, not {theirs!r}")
        if not truth["extruct_errors"]:
            # The truth mixes in microdata, which is not read: a type may be missing only if it stands there as such.
            types = {kind for node in nodes(read.json_ld) for kind in types_of(node)}
            other = types ^ set(truth["jsonld_types"])
            found["jsonld types"].count(other <= set(_MICRODATA.findall(read.source)) - types, f"{where}: {other}")
        _score_contacts(found, read)
        if where != TRUTH_ENDS_EARLY:
            _score_socials(found, read)
        names = {
            " ".join(each["name"].split())
            for each in truth["organizations"]
            if each.get("address") and each.get("name")
        }
        if names:
            ours = facts.get("organisation", {}).get("name")
            found["organisation"].count(ours in names, f"{where}: {ours!r}, not one of {names}")
        for version in re.findall(r"^WordPress ([\d.]+)", "\n".join(truth["generators"]), re.MULTILINE):
            ours = facts.get("wordpress_version")
            found["wordpress"].count(ours == version, f"{where}: {ours!r}, not {version!r}")
    return found


def _score_contacts(found: dict[str, Score], read: Read) -> None:
    truth, where = read.truth, read.domain
    emails, phones = read.facts.get("email_addresses", []), read.facts.get("phone_numbers", [])
    for kind in ("emails_mailto", "emails_cfemail"):
        for email in truth[kind]:
            found[kind].count(email.lower() in emails, f"{where}: {email} is missing")
    for email in emails:
        known = email in read.source.lower() or email in truth["emails_cfemail"]
        found["emails are real"].count(known, f"{where}: {email} is not on the page")
    for tel in truth["tels"]:
        number = digits(tel).lstrip("0")[-9:]
        found["tels"].count(any(digits(phone).endswith(number) for phone in phones), f"{where}: {tel} is missing")
    for phone in phones:
        known = digits(phone)[-7:] in digits(read.source)
        found["phones are real"].count(known, f"{where}: {phone} is not on the page")


def _score_socials(found: dict[str, Score], read: Read) -> None:
    for network in NETWORKS:
        links = [
            each["url"] for each in read.truth["socials"] if each["network"] == network and is_a_profile(each["url"])
        ]
        ours = read.facts.get(f"{network}_url")
        hosts = ("twitter.com", "x.com") if network == "twitter" else (f"{network}.com",)
        links += [url for url in same_as(read.truth) if spelling(url).startswith(hosts)]
        if ours or links:
            agrees = spelling(ours or "") in {spelling(url) for url in links}
            found["socials"].count(agrees, f"{read.domain}: {ours!r}, not one of {links}")


def test_every_field_agrees_with_the_corpus() -> None:
    found = scores()
    for name, score in found.items():
        print(
            f"{name:18} {score.right:4} of {score.right + len(score.wrong):4} {score.share:8.1%}  {'; '.join(score.wrong)}"
        )
    low = {name: score.wrong for name, score in found.items() if score.share < AGREEMENT}
    assert not low
    assert len(all_pages()) == 51


def derived() -> list[dict[str, Any]]:
    index = CORPUS / "derived_encodings" / "index.jsonl"
    return [json.loads(line) for line in index.read_text("utf-8").splitlines()] if index.is_file() else []


@pytest.mark.parametrize("entry", derived(), ids=lambda entry: entry["file"])
def test_a_page_in_another_encoding_reads_the_same(entry: dict[str, Any]) -> None:
    body = (CORPUS / "derived_encodings" / entry["file"]).read_bytes()
    page = HtmlPage.parse(decode(body, entry["content_type"]).text, "https://x.example/", 500_000)
    assert page.title == entry["title"]
    assert page.meta("description", "og:description") == entry["description"]
