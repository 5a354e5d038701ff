"""An operator's daily round of the console, in a real browser, with JavaScript and without it."""

import csv
import io
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from api.console import actions
from scrapersky.runtime.registry import DOMAIN_SCHEDULER
from scripts.commands.run.inputs import LABEL
from scripts.commands.run.run import Options, drain, signature
from scripts.commands.screenshots.browser import Browser, BrowserError, Page
from scripts.commands.screenshots.pages import PAGES, addresses, opened
from tests.e2e.conftest import DRAINED_WITHIN_SECONDS, SHOPS, Running
from tests.e2e.test_api import call
from tests.e2e.test_manual import invoke

pytestmark = pytest.mark.timeout(900)
COMMAND = Path(__file__).parents[2] / "scripts" / "scrapersky"
REASON = "the shop is open again"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run one browser for all tests; skip them where it is missing."""
    try:
        with Browser.start() as started:
            yield started
    except BrowserError as error:
        pytest.skip(str(error))


def work(running: Running) -> None:
    """Drain the pipeline."""
    console = Console(file=io.StringIO())
    quiet, _ = drain(running.system, running.engine, Options(timeout=DRAINED_WITHIN_SECONDS), console, title="console")
    assert quiet


@pytest.fixture(scope="module")
def broken(running: Running) -> Running:
    """Return the system with a business for each shop, whose website refused us, and with metadata paused since."""
    shops = [
        {
            "place_id": f"ChIJ{host.partition('.')[0]}",
            "business_name": f"Shop of {host}",
            "website_url": f"https://{host}/",
            "curation_status": "Selected",
            "label": LABEL,
        }
        for host in SHOPS
    ]
    status, added = call(running, "POST", "/local-businesses/bulk", {"local_businesses": shops})
    assert (status, added["counts"]) == (200, {"queued": len(SHOPS)})
    work(running)
    paused = {"action": "pause", "workflow": "metadata", "reason": "an unpaid bill", "actor": "ada"}
    assert invoke(running, DOMAIN_SCHEDULER, paused)["workflows"]["metadata"]["paused"]
    return running


@pytest.mark.parametrize(("host", "javascript"), [*zip(SHOPS, (True, False), strict=True)])
def test_an_operator_finds_what_is_stuck_repairs_it_and_exports_the_lead(
    host: str, javascript: bool, broken: Running, browser: Browser
) -> None:
    keys = signature(broken.system)
    with opened(browser, broken.system.api_url, keys, javaScriptEnabled=javascript) as (page, root):
        if "paused by" in page.text("main"):
            resume(page, root)
        requeue(page, root, host)
        page.open(f"{root}workflow/metadata")
        assert host in page.text("main")
        work(broken)
        page.open(f"{root}workflow/metadata")
        assert "No records here" in page.text("main")
        export_lead(page, root, host, broken)
        page.open(f"{root}audit")
        assert REASON in page.text("main")


def resume(page: Page, root: str) -> None:
    """Find the workflow that is stuck, and resume it."""
    page.open(f"{root}overview")
    card = "li.card:has(h2 a:text-is('metadata'))"
    assert "paused by ada: an unpaid bill" in page.text(card)
    page.do("await page.locator(given.card).locator('summary').first().click();", card=card)
    page.fill("Reason", "it is paid", within=card)
    page.click("button", "Resume", within=card)
    page.wait_for("metadata is resumed.")


def requeue(page: Page, root: str, host: str) -> None:
    """Open the group of errors, read a record's timeline, and requeue the group."""
    code = f"http_{SHOPS[host].status}"
    page.open(f"{root}overview")
    page.click("link", "Errors")
    row = f"main tr:has(:text-is('{code}'))"
    page.click("link", host, within=row)
    timeline = page.text("ol.timeline")
    assert code in timeline
    assert "Queued" in timeline
    page.click("link", "Errors")
    SHOPS[host].mended = True
    page.click("button", f"Requeue this group: metadata {code}")
    assert "1 record" in page.text("main")
    page.click("button", "Requeue", within="form.confirm")
    assert page.do("return await page.locator('input[name=reason]').evaluate((one) => one.validity.valueMissing);")
    page.fill("Reason", REASON)
    page.click("button", "Requeue", within="form.confirm")
    page.wait_for("1 record moved.")


def export_lead(page: Page, root: str, host: str, running: Running) -> None:
    """Find the business with its contact, and export it."""
    page.open(f"{root}leads")
    page.do("await page.locator('details.filters > summary').click();")
    page.do("await page.locator('details.filters input[name=search]').fill(given.host);", host=f"Shop of {host}")
    page.click("button", "Filter")
    lead = page.text("main tbody tr")
    assert f"Shop of {host}" in lead
    assert f"hello@{host}" in lead
    page.click("button", "Export CSV")
    work(running)
    page.open(page.url)  # with JavaScript it refreshes itself, after some seconds
    url = page.do("return await page.getByRole('link', { name: 'Download the file' }).getAttribute('href');")
    with urllib.request.urlopen(url) as answer:
        (row,) = csv.DictReader(io.TextIOWrapper(answer, encoding="utf-8-sig", newline=""))
    assert (row["business_name"], row["domain"]) == (f"Shop of {host}", host)


def test_a_read_only_console_shows_no_form_that_changes_and_refuses_each_of_them(
    running: Running, browser: Browser
) -> None:
    keys = signature(running.system)
    with opened(browser, running.system.api_url, keys, read_only=True) as (page, root):
        for address in addresses(running.engine).values():
            assert page.open(root + address) == 200
            assert "read-only" in page.text("header")
            assert page.do("return await page.locator('form[method=post]').count();") == 0
        refused = page.do(
            "return await page.evaluate(async (paths) => Promise.all(paths.map(async (path) => [path, (await fetch(path,"
            " { method: 'POST', body: new URLSearchParams({ reason: 'x', ids: '1', confirmed: '1' }) })).status])),"
            " given.paths);",
            paths=[root + path for path in posts()],
        )
    assert refused == [[root + path, 403] for path in posts()]


@pytest.mark.parametrize("path", ["pause/metadata", "requeue/metadata"])
def test_the_api_refuses_changes_of_a_read_only_console_itself(running: Running, path: str) -> None:
    request = urllib.request.Request(
        f"{running.system.api_url}/console/{path}",
        data=b"reason=x&ids=1&confirmed=1",
        headers={"Authorization": "local", "Sec-Fetch-Site": "same-origin", "X-Console-Read-Only": "1"},
    )
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request)


def posts() -> list[str]:
    """Return the path of each form, with a workflow or table in it."""
    rules = [rule for rule, methods, *_ in actions.router._routes if "POST" in methods]
    assert rules
    return [
        rule.removeprefix("/console/").replace("<name>", "metadata").replace("<table>", "domains") for rule in rules
    ]


def test_no_page_has_a_serious_problem_of_accessibility_in_light_or_dark(running: Running, browser: Browser) -> None:
    with opened(browser, running.system.api_url, signature(running.system)) as (page, root):
        found = {}
        for name, address in addresses(running.engine).items():
            assert page.open(root + address) == 200, name
            found[name, "light"] = page.problems()
            page.do("await page.emulateMedia({ colorScheme: 'dark' });")
            found[name, "dark"] = page.problems("cat.color")
            page.do("await page.emulateMedia({ colorScheme: 'light' });")
    assert len(found) == 2 * len(PAGES)
    assert {where: problems for where, problems in found.items() if problems} == {}


def test_the_command_finds_the_api_of_the_stage_and_ends_at_ctrl_c(running: Running) -> None:
    with subprocess.Popen(
        [COMMAND, "console", "--stage", "local", "--read-only"],
        env={**os.environ, **running.system.aws.environment},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "The console of stage local (read-only); the link works once:\n"
        with urllib.request.urlopen(process.stdout.readline().strip()) as answer:
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
            console = f"{answer.url.partition('/open')[0]}/console/overview"
        with urllib.request.urlopen(urllib.request.Request(console, headers={"Cookie": cookie})) as answer:
            assert b"read-only" in answer.read()
        process.send_signal(signal.SIGINT)
        assert process.wait() in {-signal.SIGINT, 128 + signal.SIGINT}
