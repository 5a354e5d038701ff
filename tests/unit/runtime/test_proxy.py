"""Pages by a proxy API: never, for who is shut out, or always; paid before, and the key in no error."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import can_ada
import pytest

from scrapersky.errors import FetchError, Misconfigured, Permanent, WorkError
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Outcome, Retry, Snooze, outcome_of
from scrapersky.settings import Settings
from scrapersky.web.proxy import ProxyAccess
from scrapersky.web.transport import Transport
from scripts.commands.run.internet.website import Answer, Request, Website
from sitemap_scheduler.discovery import discover_sitemaps
from tests.jobs import Answers, page, run_job
from tests.proxy_api import HOST, KEY, SECRETS, SETTINGS, ProxyApi

SHOP = "http://shop.test/"
WALL = page("<p>Are you human?</p>", status=403)
CHALLENGE = page("<p>Just a moment</p>", status=503, cf_mitigated="challenge")


@dataclass
class Visit:
    """What came of one page's request: ``body`` or ``code``, and what the proxy was asked for and was paid."""

    code: str
    body: bytes
    url: str
    outcome: Outcome
    targets: list[str]
    paid: list[str]


def visit(
    tmp_path: Path,
    *,
    direct: Any = WALL,
    behind: Any = None,
    url: str = SHOP,
    refuses: int | None = None,
    spend: Callable[[str], Awaitable[None]] | None = None,
    secrets: dict[str, str] | None = None,
    **settings: Any,
) -> Visit:
    """Asks for ``url`` of a shop that is ``direct`` to us, and ``behind`` to the proxy."""
    proxy = ProxyApi({"shop.test": behind or page("<p>Welcome</p>")}, refuses)
    seen: list[Any] = []
    paid: list[str] = []

    async def pay(budget: str) -> None:
        paid.append(budget)
        if spend is not None:
            await spend(budget)

    async def job(_: object, ctx: JobContext) -> Outcome:
        try:
            seen.append(await ctx.web.get(url))
        except WorkError as failure:
            return outcome_of(failure, ctx.settings)
        return Done(f"http_{seen[0].status}")

    outcome = run_job(
        job,
        object(),
        {"shop.test": direct, HOST: proxy},
        tmp_path,
        secrets=SECRETS if secrets is None else secrets,
        spend=pay,
        **{**SETTINGS, **settings},
    )
    body, ended = (seen[0].body, seen[0].url) if seen else (b"", "")
    return Visit(outcome.code, body, ended, outcome, proxy.targets, paid)


@pytest.mark.parametrize(
    ("mode", "direct", "code", "by_proxy"),
    [
        ("never", WALL, "http_403", False),
        ("blocked", WALL, "http_200", True),
        ("blocked", CHALLENGE, "http_200", True),
        ("blocked", page("<p>Hello</p>"), "http_200", False),
        ("blocked", page("<p>No such page</p>", status=404), "http_404", False),
        ("blocked", page("<p>Slowly</p>", status=429), "http_429", False),
        ("always", page("<p>Hello</p>"), "http_200", True),
    ],
    ids=["never", "403", "challenge", "open", "404", "429", "always"],
)
def test_the_setting_says_which_pages_come_by_the_proxy(
    mode: str, direct: Any, code: str, by_proxy: bool, tmp_path: Path
) -> None:
    seen = visit(tmp_path, direct=direct, web_proxy=mode)
    assert seen.code == code
    assert (SHOP in seen.targets) is by_proxy
    assert len(seen.paid) == len(seen.targets)
    assert set(seen.paid) <= {"proxy"}
    if by_proxy:
        assert (seen.body, seen.url) == (b"<p>Welcome</p>", SHOP)


def test_a_site_that_shut_us_out_once_is_asked_by_the_proxy_from_then_on(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(request: Request) -> Answer:
        asked.append(request.path)
        return Answer(403)

    proxy = ProxyApi({"shop.test": page("<p>Welcome</p>")})

    async def job(_: object, ctx: JobContext) -> Outcome:
        statuses = [(await ctx.web.get(f"{SHOP}{path}")).status for path in "abc"]
        return Done(str(statuses))

    outcome = run_job(
        job,
        object(),
        {"shop.test": Answers(answer), HOST: proxy},
        tmp_path,
        secrets=SECRETS,
        web_proxy="blocked",
        **SETTINGS,
    )
    assert outcome.code == "[200, 200, 200]"
    assert asked == ["/robots.txt"]
    assert proxy.targets == [f"{SHOP}robots.txt", f"{SHOP}a", f"{SHOP}b", f"{SHOP}c"]


def test_robots_txt_is_read_by_the_proxy_as_well_and_obeyed(tmp_path: Path) -> None:
    def answer(request: Request) -> Answer:
        return Answer(200, b"User-agent: *\nDisallow: /") if request.path == "/robots.txt" else Answer(200, b"secret")

    seen = visit(tmp_path, behind=Answers(answer), web_proxy="always")
    assert (seen.code, seen.targets) == ("robots_disallowed", [f"{SHOP}robots.txt"])


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/",
        "http://db.internal/",
        "http://printer.local/",
        "http://router/",
        "http://1.0.0.127.in-addr.arpa/",
    ],
)
def test_the_proxy_is_asked_for_names_of_the_public_internet_only(url: str, tmp_path: Path) -> None:
    seen = visit(tmp_path, url=url, web_proxy="always")
    assert (seen.code, seen.targets) == ("blocked_address", [])


@pytest.mark.parametrize("address", ["127.0.0.1", "8.8.8.8", "[::1]", "0x7f.1", "2130706433"])
def test_the_proxy_is_asked_for_no_address(address: str) -> None:
    async def never() -> Any:
        raise AssertionError("the key was read, or a call was paid")

    async def go() -> None:
        settings = Settings(web_proxy="always")
        access = ProxyAccess(settings, key=never, spend=never)
        await access.send(Transport(settings, None), can_ada.parse(f"http://{address}/"), 0)

    with pytest.raises(FetchError, match="blocked_address"):
        asyncio.run(go())


@pytest.mark.parametrize(
    ("status", "kind", "code", "pauses"),
    [
        (401, Snooze, "proxy_denied", True),
        (402, Snooze, "proxy_denied", True),
        (403, Snooze, "proxy_denied", True),
        (429, Retry, "proxy_busy", False),
        (500, Retry, "proxy_failed", False),
        (503, Retry, "proxy_failed", False),
    ],
)
def test_what_the_proxy_says_of_itself_is_not_taken_for_the_site(
    status: int, kind: type, code: str, pauses: bool, tmp_path: Path
) -> None:
    def only_pages(request: Request) -> Answer:
        return Answer(404) if request.path == "/robots.txt" else Answer(403)

    outcome = visit(tmp_path, direct=Answers(only_pages), web_proxy="blocked", refuses=status).outcome
    assert (type(outcome), outcome.code) == (kind, code)
    assert getattr(outcome, "pause", False) is pauses


def test_a_proxy_that_cannot_be_reached_is_told_from_a_site_that_cannot(tmp_path: Path) -> None:
    outcome = visit(tmp_path, web_proxy="blocked", web_proxy_url="http://nowhere.test/").outcome
    assert isinstance(outcome, Retry)
    assert outcome.code == "proxy_failed"
    assert "the proxy, called for http://shop.test/, has a host name that does not resolve" in outcome.reason


@pytest.mark.parametrize(
    ("settings", "secrets"),
    [({"proxy_secret": ""}, None), ({}, {}), ({}, {"the-proxy": "two words"}), ({}, {"the-proxy": '{"api_key": ""}'})],
    ids=["no setting", "no secret", "no key", "empty key"],
)
def test_without_a_key_the_workflow_is_paused(
    settings: dict[str, Any], secrets: dict[str, str] | None, tmp_path: Path
) -> None:
    outcome = visit(tmp_path, web_proxy="always", secrets=secrets, **settings).outcome
    assert isinstance(outcome, Snooze)
    assert (outcome.code, outcome.pause) == ("proxy_denied", True)
    assert "two words" not in outcome.reason


def refusing(error: type[WorkError], code: str) -> Callable[[str], Awaitable[None]]:
    """A budget that is used up."""

    async def spend(_: str) -> None:
        raise error(code, "used up", 3_600)

    return spend


DAY_SPENT = refusing(Misconfigured, "budget_of_the_day")
RECORD_SPENT = refusing(Permanent, "budget_of_the_record")


@pytest.mark.parametrize(
    ("mode", "spend", "expected"),
    [
        ("blocked", DAY_SPENT, Snooze("proxy_budget_of_the_day", "used up", after=3_600)),
        ("always", DAY_SPENT, Snooze("budget_of_the_day", "used up", after=3_600, pause=True)),
        ("blocked", RECORD_SPENT, Done("http_403")),
    ],
)
def test_a_budget_that_is_used_up_costs_no_call(
    mode: str, spend: Callable[[str], Awaitable[None]], expected: Outcome, tmp_path: Path
) -> None:
    seen = visit(tmp_path, web_proxy=mode, spend=spend)
    assert seen.outcome == expected
    assert seen.targets == []


def test_a_scan_keeps_what_it_found_when_its_paid_calls_are_used_up(tmp_path: Path) -> None:
    calls = 0

    async def five(_: str) -> None:
        nonlocal calls
        calls += 1
        if calls > 5:
            raise Permanent("budget_of_the_record", "five were made")

    def answer(request: Request) -> Answer:
        urls = "".join(f"<sitemap><loc>http://shop.test/{n}.xml</loc></sitemap>" for n in range(9))
        files = {
            "/": b"<p>Welcome</p>",
            "/sitemap.xml": f"<sitemapindex>{urls}</sitemapindex>".encode(),
            "/0.xml": b"<urlset><url><loc>http://shop.test/a</loc></url></urlset>",
        }
        body = files.get(request.path)
        return Answer(404) if body is None else Answer(200, body, {"Content-Type": "text/html"})

    websites: dict[str, Website] = {"shop.test": WALL, HOST: ProxyApi({"shop.test": Answers(answer)})}
    record = SimpleNamespace(id=1, domain_id=1, tenant="default", domain=SimpleNamespace(domain="shop.test"))
    outcome = run_job(
        discover_sitemaps, record, websites, tmp_path, secrets=SECRETS, spend=five, web_proxy="always", **SETTINGS
    )
    assert (type(outcome), outcome.code, outcome.detail["cut"]) == (Done, "found_partly", "budget")


@pytest.mark.parametrize("refuses", [None, 401, 429, 500])
def test_the_key_stands_in_no_url_error_or_log_line(
    refuses: int | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen = visit(tmp_path, web_proxy="always", refuses=refuses, web_proxy_parameters="country_code=us")
    assert KEY not in repr(seen.outcome)
    assert KEY not in caplog.text
    assert KEY not in repr(Settings.model_validate({"web_proxy": "always", **SETTINGS}))
