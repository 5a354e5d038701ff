"""The job that reads a contact page, on websites served on loopback."""

from collections.abc import Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from page_scheduler.contact_page import read_contact_page as read_here
from page_scheduler.page_reading import read_contact_page
from scrapersky.errors import FetchError
from scrapersky.models import Domain, Page
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Fail, Outcome, outcome_of
from scrapersky.settings import Settings, SettingsError, load
from scrapersky.vocabulary import EmailCategory
from scrapersky.web.fetched import Fetched, Headers
from scripts.commands.run.internet.website import Answer, RedirectTo, Request, Website
from tests.jobs import Answers, page, run_job

CONTACT = (
    "<title>Contact</title><h1>Write to us</h1><a href='mailto:hello@shop.example'>mail</a> <p>Tel. +1 512 555 0112"
)
URL = "https://shop.example/contact"


def read(websites: Mapping[str, Website], directory: Path, url: str = URL, **settings: Any) -> Outcome:
    record = Page(id=3, domain_id=7, url=url, domain=Domain(id=7, domain="shop.example"))
    try:
        return run_job(read_contact_page, record, websites, directory, **settings)
    except FetchError as error:  # as the runtime does
        return outcome_of(error, Settings())


def read_html(html: str, keep: Sequence[str] = tuple(EmailCategory), **headers: str) -> dict[str, Any]:
    """Return what the page function makes of ``html``, as the job asks for it by default."""
    named = Headers((name.replace("_", "-"), value) for name, value in headers.items())
    fetched = Fetched(200, URL, URL, (), named, html.encode(), truncated=False, wire_bytes=len(html))
    limits = {"opt_outs": ["noai", "tdm-reservation"], "agent": "ScraperSkyBot", "reserved_hosts": True, "keep": keep}
    return read_here(fetched, host="shop.example", is_imprint=True, limits=limits)


def test_a_page_with_contacts_is_done_with_contacts_found(tmp_path: Path) -> None:
    outcome = read({"shop.example": page(CONTACT)}, tmp_path)
    assert isinstance(outcome, Done), outcome
    assert (outcome.code, outcome.detail) == ("contacts_found", {"contacts": 2, "withheld": 0})
    assert outcome.write is not None


def test_addresses_that_are_withheld_are_counted(tmp_path: Path) -> None:
    website = {"shop.example": page(f"{CONTACT} ann.lee@shop.example, no-reply@shop.example")}
    for keep, detail in (
        ("role,other,free", {"contacts": 2, "withheld": 2}),
        ("role,personal", {"contacts": 3, "withheld": 1}),
        ("none", {"contacts": 1, "withheld": 3}),
    ):
        outcome = read(website, tmp_path / keep, contacts_keep=keep)
        assert isinstance(outcome, Done), outcome
        assert (outcome.code, outcome.detail) == ("contacts_found", detail)


def test_addresses_that_are_withheld_are_masked_in_the_facts_of_the_page() -> None:
    html = "<title>Ann.Lee@shop.example</title><h1>Ask ann.lee [at] shop.example</h1><p>info@shop.example"
    facts = read_html(html, keep=["role"])["facts"]
    assert (facts["title"], facts["h1"]) == ("[withheld]", "Ask [withheld]")
    assert read_html(html)["facts"]["title"] == "Ann.Lee@shop.example"


def test_the_setting_accepts_every_category_and_nothing_else() -> None:
    every = ",".join(EmailCategory)
    assert load(Settings, {"CONTACTS_KEEP": every}).kept_categories == list(EmailCategory)
    with pytest.raises(SettingsError, match="CONTACTS_KEEP"):
        load(Settings, {"CONTACTS_KEEP": f"{every},persons"})


def test_a_page_without_contacts_is_done_with_no_contacts(tmp_path: Path) -> None:
    outcome = read({"shop.example": page("<title>Contact</title><p>We are on holiday.")}, tmp_path)
    assert isinstance(outcome, Done)
    assert outcome.code == "no_contacts"


def test_the_five_pages_of_a_domain_take_six_requests(tmp_path: Path) -> None:
    requests: list[str] = []

    def answer(request: Request) -> Answer:
        requests.append(request.path)
        return page(CONTACT).answer(request)

    @wraps(read_contact_page)
    async def read_all(records: list[Page], ctx: JobContext) -> Outcome:
        return [await read_contact_page(record, ctx) for record in records][-1]

    domain = Domain(id=7, domain="shop.example")
    paths = [f"/contact/{number}" for number in range(Settings().page_reading_max_pages)]
    records = [Page(domain_id=7, url=f"https://shop.example{path}", domain=domain) for path in paths]
    assert run_job(read_all, records, {"shop.example": Answers(answer)}, tmp_path).code == "contacts_found"
    assert requests == ["/robots.txt", *paths]


@pytest.mark.parametrize(
    ("website", "code"),
    [
        (page(CONTACT, 404), "http_404"),
        (page(CONTACT, 403, cf_mitigated="challenge"), "captcha"),
        (page("{}", content_type="application/json"), "not_html"),
        (page(""), "empty"),
        (page("<title>x</title><p>This domain is for sale."), "parked"),
        (page(CONTACT, x_robots_tag="noai"), "noai"),
        (page(CONTACT, tdm_reservation="1"), "tdm_reservation"),
        (page(f"<meta name=tdm-reservation content=1>{CONTACT}"), "tdm_reservation"),
        (RedirectTo("other.example"), "other_site"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_another_answer_than_the_page_fails_with_its_code(tmp_path: Path, website: Website, code: str) -> None:
    outcome = read({"shop.example": website, "other.example": page(CONTACT)}, tmp_path)
    assert isinstance(outcome, Fail), outcome
    assert outcome.code == code
    assert "shop.example" in outcome.reason


def test_a_page_that_robots_txt_closes_is_not_requested(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(request: Request) -> Answer:
        asked.append(request.path)
        rules = Answer(200, b"User-agent: *\nDisallow: /contact", {"Content-Type": "text/plain"})
        return rules if request.path == "/robots.txt" else Answer(200, CONTACT.encode(), {"Content-Type": "text/html"})

    assert read({"shop.example": Answers(answer)}, tmp_path).code == "robots_disallowed"
    assert asked == ["/robots.txt"]


def test_noindex_is_honoured_only_by_setting(tmp_path: Path) -> None:
    closed = {"shop.example": page(f"<meta name=robots content='NOINDEX, follow'>{CONTACT}")}
    assert read(closed, tmp_path / "a").code == "contacts_found"
    assert read(closed, tmp_path / "b", page_opt_outs="noai,noindex").code == "noindex"
    reserved = {"shop.example": page(CONTACT, tdm_reservation="1")}
    assert read(reserved, tmp_path / "c", page_opt_outs="none").code == "contacts_found"


@pytest.mark.parametrize(
    ("header", "is_read"),
    [
        ("noai", False),
        ("noindex, NoAI", False),
        ("otherbot: noai", True),
        ("scraperskybot: noai", False),
        ("otherbot: nofollow, noai", True),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST, noai", False),
        ("max-snippet: 20", True),
    ],
)
def test_directives_of_a_header_apply_to_the_crawlers_that_they_name(header: str, is_read: bool) -> None:
    assert ("facts" in read_html(CONTACT, x_robots_tag=header)) is is_read


def test_a_meta_element_may_name_this_crawler() -> None:
    assert read_html(f"<meta name=ScraperSkyBot content=noai>{CONTACT}")["rejected"][0] == "noai"
    assert "facts" in read_html(f"<meta name=otherbot content=noai>{CONTACT}")


def test_the_facts_of_the_page_are_its_title_heading_canonical_url_and_robots_directives() -> None:
    head = "<meta name=robots content='noindex, follow'><link rel=canonical href=/kontakt>"
    assert read_html(f"{head}{CONTACT}<p>USt-IdNr. DE 136 695 976", x_robots_tag="nosnippet")["facts"] == {
        "title": "Contact",
        "h1": "Write to us",
        "canonical_url": "https://shop.example/kontakt",
        "imprint": {"vat_id": "DE136695976"},
        "meta_robots": "noindex, follow, nosnippet",
    }


def test_facts_that_the_page_lacks_are_none() -> None:
    facts = read_html("<p>x")["facts"]
    assert facts.pop("imprint") == {}
    assert set(facts.values()) == {None}
