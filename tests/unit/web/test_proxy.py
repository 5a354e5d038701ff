"""Pages through a proxy API: which pages, how calls are paid, and that the key never appears in an error."""

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
FORBIDDEN = page("<p>Are you human?</p>", status=403)
CHALLENGE = page("<p>Just a moment</p>", status=503, cf_mitigated="challenge")


@dataclass
class Visit:
    """The result of one request: outcome, body and final URL, the URLs that the proxy received, and the paid calls."""

    code: str
    body: bytes
    url: str
    outcome: Outcome
    targets: list[str]
    paid: list[str]


def visit(
    tmp_path: Path,
    *,
    direct: Any = FORBIDDEN,
    behind: Any = None,
    url: str = SHOP,
    refuses: int | None = None,
    spend: Callable[[str], Awaitable[None]] | None = None,
    secrets: dict[str, str] | None = None,
    **settings: Any,
) -> Visit:
    """Request ``url`` of a shop that answers ``direct`` to the crawler and ``behind`` to the proxy."""
    proxy = ProxyApi({"shop.test": behind or page("<p>Welcome</p>")}, refuses)
    fetched: list[Any] = []
    paid: list[str] = []

    async def pay(budget: str) -> None:
        paid.append(budget)
        if spend is not None:
            await spend(budget)

    async def job(_: object, ctx: JobContext) -> Outcome:
        try:
            fetched.append(await ctx.web.get(url))
        except WorkError as failure:
            return outcome_of(failure, ctx.settings)
        return Done(f"http_{fetched[0].status}")

    outcome = run_job(
        job,
        object(),
        {"shop.test": direct, HOST: proxy},
        tmp_path,
        secrets=SECRETS if secrets is None else secrets,
        spend=pay,
        **{**SETTINGS, **settings},
    )
    body, final_url = (fetched[0].body, fetched[0].url) if fetched else (b"", "")
    return Visit(outcome.code, body, final_url, outcome, proxy.targets, paid)


@pytest.mark.parametrize(
    ("mode", "direct", "code", "through_proxy"),
    [
        ("never", FORBIDDEN, "http_403", False),
        ("blocked", FORBIDDEN, "http_200", True),
        ("blocked", CHALLENGE, "http_200", True),
        ("blocked", page("<p>Hello</p>"), "http_200", False),
        ("blocked", page("<p>No such page</p>", status=404), "http_404", False),
        ("blocked", page("<p>Slowly</p>", status=429), "http_429", False),
        ("always", page("<p>Hello</p>"), "http_200", True),
    ],
    ids=["never", "403", "challenge", "open", "404", "429", "always"],
)
def test_the_setting_selects_the_pages_that_are_fetched_through_the_proxy(
    mode: str, direct: Any, code: str, through_proxy: bool, tmp_path: Path
) -> None:
    result = visit(tmp_path, direct=direct, web_proxy=mode)
    assert result.code == code
    assert (SHOP in result.targets) is through_proxy
    assert len(result.paid) == len(result.targets)
    assert set(result.paid) <= {"proxy"}
    if through_proxy:
        assert (result.body, result.url) == (b"<p>Welcome</p>", SHOP)


def test_a_host_that_answered_a_challenge_is_fetched_through_the_proxy_from_then_on(tmp_path: Path) -> None:
    direct: list[str] = []

    def answer(request: Request) -> Answer:
        direct.append(request.path)
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
    assert direct == ["/robots.txt"]
    assert proxy.targets == [f"{SHOP}robots.txt", f"{SHOP}a", f"{SHOP}b", f"{SHOP}c"]


def test_robots_txt_is_fetched_through_the_proxy_and_obeyed(tmp_path: Path) -> None:
    def answer(request: Request) -> Answer:
        return Answer(200, b"User-agent: *\nDisallow: /") if request.path == "/robots.txt" else Answer(200, b"secret")

    result = visit(tmp_path, behind=Answers(answer), web_proxy="always")
    assert (result.code, result.targets) == ("robots_disallowed", [f"{SHOP}robots.txt"])


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
def test_the_proxy_is_called_only_for_names_of_the_public_internet(url: str, tmp_path: Path) -> None:
    result = visit(tmp_path, url=url, web_proxy="always")
    assert (result.code, result.targets) == ("blocked_address", [])


@pytest.mark.parametrize("address", ["127.0.0.1", "8.8.8.8", "[::1]", "0x7f.1", "2130706433"])
def test_the_proxy_is_never_called_for_an_address(address: str) -> None:
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
def test_a_status_of_the_proxy_itself_is_not_the_status_of_the_site(
    status: int, kind: type, code: str, pauses: bool, tmp_path: Path
) -> None:
    def only_pages(request: Request) -> Answer:
        return Answer(404) if request.path == "/robots.txt" else Answer(403)

    outcome = visit(tmp_path, direct=Answers(only_pages), web_proxy="blocked", refuses=status).outcome
    assert (type(outcome), outcome.code) == (kind, code)
    assert getattr(outcome, "pause", False) is pauses


def test_an_unreachable_proxy_is_distinguished_from_an_unreachable_site(tmp_path: Path) -> None:
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
    """Return a budget that is spent."""

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
def test_no_call_is_made_after_the_budget_is_spent(
    mode: str, spend: Callable[[str], Awaitable[None]], expected: Outcome, tmp_path: Path
) -> None:
    result = visit(tmp_path, web_proxy=mode, spend=spend)
    assert result.outcome == expected
    assert result.targets == []


def test_a_scan_keeps_its_findings_when_its_budget_is_spent(tmp_path: Path) -> None:
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

    websites: dict[str, Website] = {"shop.test": FORBIDDEN, HOST: ProxyApi({"shop.test": Answers(answer)})}
    record = SimpleNamespace(
        id=1, domain_id=1, tenant="default", label=None, domain=SimpleNamespace(domain="shop.test")
    )
    outcome = run_job(
        discover_sitemaps, record, websites, tmp_path, secrets=SECRETS, spend=five, web_proxy="always", **SETTINGS
    )
    assert (type(outcome), outcome.code, outcome.detail["cut"]) == (Done, "found_partly", "budget")


@pytest.mark.parametrize("refuses", [None, 401, 429, 500])
def test_the_key_appears_in_no_url_error_or_log_line(
    refuses: int | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    result = visit(tmp_path, web_proxy="always", refuses=refuses, web_proxy_parameters="country_code=us")
    assert KEY not in repr(result.outcome)
    assert KEY not in caplog.text
    assert KEY not in repr(Settings.model_validate({"web_proxy": "always", **SETTINGS}))
