"""The operators' console: its pages, its forms, who may see and send them, and strangers' texts on them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode, urljoin

import pytest
from sqlalchemy import Connection, text

from api.console.codes import FILE, advice
from scrapersky.runtime.registry import EXPORT, METADATA
from scrapersky.status.abandon import abandon
from scrapersky.status.claim import claim
from tests.api_server import event_of
from tests.integration.api import ADA, Api, domains, row, seize
from tests.integration.conftest import Harness
from tests.integration.lambda_context import LambdaContext
from tests.lambda_endpoint import serving

pytestmark = pytest.mark.usefixtures("invariants_hold")

SAME_ORIGIN = [("Sec-Fetch-Site", "same-origin")]


@dataclass
class Page:
    """An answer of the console."""

    status: int
    body: str
    headers: dict[str, str]
    path: str

    @property
    def shown(self) -> str:
        """The text between the tags, on one line."""
        return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", re.sub("</?bdi>", "", self.body)))

    def form(self, action: str) -> list[tuple[str, str]]:
        """Return the hidden fields of the form whose action ends so."""
        found = Forms()
        found.feed(self.body)
        return next(fields for path, fields in found.forms if path.endswith(action))


class Forms(HTMLParser):
    """Collects the forms of a page with their hidden fields."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, list[tuple[str, str]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a form or a field of it."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((given.get("action", ""), []))
        elif tag == "input" and given.get("type") == "hidden":
            self.forms[-1][1].append((given["name"], given["value"]))


@dataclass
class Console:
    """A browser without scripts."""

    api: Api
    caller: str = ADA
    read_only: bool = False

    def get(self, path: str) -> Page:
        """Follow a link."""
        return self._send("GET", path, [], b"")

    def post(self, path: str, fields: dict[str, str] | list[tuple[str, str]], *, headers: object = SAME_ORIGIN) -> Page:
        """Send a form."""
        sent = [("Content-Type", "application/x-www-form-urlencoded"), *headers]  # type: ignore[misc]
        return self._send("POST", path, sent, urlencode(fields).encode())

    def confirm(self, page: Page, action: str, **fields: str) -> Page:
        """Send the form of a page that asks for a reason."""
        return self.post(action, [*page.form(action), *fields.items()])

    def _send(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> Page:
        own = [("X-Console-Read-Only", "1")] if self.read_only else []
        event = event_of(method, f"/console/{path}", [*own, *headers], body, self.caller)
        answer = self.api.application.handler(event, LambdaContext())
        return Page(answer["statusCode"], answer.get("body") or "", answer["headers"], f"/console/{path}")


@pytest.fixture
def console(api: Api) -> Console:
    return Console(api)


@pytest.fixture
def operator(api: Api, harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Iterator[Console]:
    """Return the console with domain-scheduler as the only reachable service."""
    handlers = {"scrapersky-test-domain-scheduler": lambda event: harness.service.handler(event, LambdaContext())}
    with serving(handlers) as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", endpoint)
        yield Console(api)


def test_the_overview_shows_every_workflow_with_its_queue_and_its_pause(
    console: Console, connection: Connection
) -> None:
    domains(connection, "a.test", "b.test", status="Queued")
    connection.execute(
        text("INSERT INTO pauses (workflow, paused_by, pause_reason) VALUES ('metadata', 'ada', 'a bill')")
    )
    connection.execute(
        text(
            "INSERT INTO service_controls (workflow, last_tick_at) VALUES ('import', now() - interval '630 s'),"
            " ('discovery', now())"
        )
    )
    page = console.get("overview")
    assert page.status == 200
    assert "metadata ⏸ paused by ada: a bill, until it is resumed Queued 2" in page.shown
    assert page.shown.count("no tick yet") == 7
    assert "✗ no tick for 10 minutes" in page.shown
    assert "✓ running, last tick" in page.shown
    assert "test version $LATEST" in page.shown
    assert "Paused by ada: a bill, until it is resumed" in console.get("workflow/metadata").shown


def test_the_overview_counts_the_attempts_of_the_last_hour_in_words(console: Console, connection: Connection) -> None:
    ids = domains(connection, "a.test", "b.test", "c.test", status="Queued")
    seize(connection, ids)
    abandon(connection, METADATA, ids[:2], actor="ada", reason="stuck")
    assert "Last hour: 1 at work, 2 failed" in console.get("overview").shown


def test_a_person_pauses_resumes_and_runs_a_workflow(operator: Console, harness: Harness) -> None:
    harness.add("a.test")
    paused = operator.post("pause/metadata", {"reason": "a bill", "seconds": "900"})
    assert (paused.status, "metadata is paused" in paused.shown) == (200, True), paused.shown
    assert "paused by api:arn" in operator.get("workflow/metadata").shown.lower()
    assert "metadata is resumed" in operator.post("resume/metadata", {"reason": "paid"}).shown
    assert "1 records were claimed" in operator.post("run/metadata", {}).shown
    assert (
        "seconds: Input should be a valid number"
        in operator.post("pause/metadata", {"reason": "x", "seconds": "z"}).shown
    )
    assert operator.post("pause/metadata", {}).status == 422


def test_every_answer_has_the_security_headers(console: Console) -> None:
    for page in (
        console.get("overview"),
        console.get("nothing"),
        console.post("run/x", {}),
        console.post("overview", {}),
    ):
        assert page.headers["Content-Security-Policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; "
            "frame-ancestors 'none'; base-uri 'none'"
        )
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "same-origin"
        assert page.headers["Content-Type"].startswith("text/html")
    style = console.get("static/console.css?v=1")
    assert (style.status, style.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert style.headers["X-Content-Type-Options"] == "nosniff"
    assert console.get("static/console.py").status == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Sec-Fetch-Site", "same-origin")], 422),
        ([("Origin", "https://console.test"), ("Host", "console.test")], 422),
        ([("Origin", "https://console.test"), ("Host", "console.test"), ("Sec-Fetch-Site", "cross-site")], 403),
        ([("Origin", "https://evil.test"), ("Host", "console.test")], 403),
        ([("Origin", "null"), ("Host", "console.test")], 403),
        ([("Origin", "https://["), ("Host", "console.test")], 403),
        ([("Sec-Fetch-Site", "none")], 403),
        ([], 403),
    ],
)
def test_only_forms_of_the_consoles_own_pages_are_accepted(
    console: Console, headers: list[tuple[str, str]], status: int
) -> None:
    assert console.post("pause/metadata", {}, headers=headers).status == status


def test_only_a_refusal_says_that_nothing_was_changed(operator: Console) -> None:
    refused, failed = operator.post("run/nothing", {}), operator.post("run/discovery", {})
    assert (refused.status, "Nothing was changed" in refused.shown) == (404, True)
    assert (failed.status, "Nothing was changed" in failed.shown) == (502, False)


def test_a_form_of_another_media_type_is_refused(console: Console) -> None:
    page = console._send("POST", "pause/metadata", [*SAME_ORIGIN, ("Content-Type", "text/plain")], b"reason=x")
    assert page.status == 415


def test_a_read_only_console_shows_no_form_that_acts_and_accepts_none(console: Console, connection: Connection) -> None:
    domains(connection, "a.test", status="Queued")
    console.read_only = True
    for path in ("overview", "workflow/metadata", "record/metadata/1", "errors", "leads", "curation/places"):
        page = console.get(path)
        assert (page.status, "read-only" in page.shown, 'method="post" action' in page.body) == (200, True, False), path
    assert console.post("pause/metadata", {"reason": "x"}).status == 403


def test_requests_authorised_as_another_route_are_refused(console: Console) -> None:
    for method, path in (("GET", "overview"), ("POST", "pause/metadata")):
        event = event_of(method, f"/console/{path}", SAME_ORIGIN, b"", ADA)
        event["headers"]["content-type"] = "application/x-www-form-urlencoded"
        event["routeKey"] = event["requestContext"]["routeKey"] = f"{method} /{{proxy+}}"
        assert console.api.application.handler(event, LambdaContext())["statusCode"] == 403


def test_links_are_relative_to_any_prefix(console: Console, connection: Connection) -> None:
    (record_id,) = domains(connection, "a.test")
    for path in ("overview", "workflow/metadata", f"record/metadata/{record_id}", "workflow/nothing"):
        page = console.get(path)
        addresses = re.findall(r'(?:href|src|action)="([^"]*)"', page.body)
        assert addresses
        for address in addresses:
            assert not address.startswith("/"), address
            assert urljoin(f"https://x.test/any/prefix{page.path}", address).startswith(
                "https://x.test/any/prefix/console/"
            )


@pytest.mark.parametrize("path", ["/console", "/console/"])
def test_the_bare_address_leads_to_the_overview(console: Console, path: str) -> None:
    answer = console.api.application.handler(event_of("GET", path, [], b"", ADA), LambdaContext())
    assert (answer["statusCode"], answer["body"]) == (303, "")
    assert urljoin(path, answer["headers"]["Location"]) == "/console/overview"


def test_a_record_is_found_by_id_domain_and_url(console: Console, connection: Connection) -> None:
    (record_id,) = domains(connection, "a.test")
    for wanted in (str(record_id), "a.test", "https://www.a.test/x"):
        found = console.get(f"find?{urlencode({'text': wanted})}")
        assert (found.status, found.headers["Location"]) == (303, f"record/metadata/{record_id}"), wanted
    assert "No record is called" in console.get("find?text=nothing.test").shown


def test_a_person_requeues_all_records_of_an_error_group(console: Console, connection: Connection) -> None:
    ids = domains(connection, *(f"d{n}.test" for n in range(3)))
    connection.execute(text("UPDATE domains SET status = 'Queued', due_at = now()"))
    seize(connection, ids)
    abandon(connection, METADATA, ids, actor="ada", reason="stuck")
    page = console.get("errors")
    assert "metadata abandoned 3" in page.shown
    asked = console.post("requeue/metadata", page.form("requeue/metadata"))
    assert "3 records" in asked.shown
    done = console.confirm(asked, "requeue/metadata", reason="it runs again", spread_seconds="0")
    assert "3 records moved" in done.shown, done.shown
    assert {row(connection, "domains", one)["status"] for one in ids} == {"Queued"}
    assert "it runs again metadata Queued 3" in console.get("audit").shown


def test_everything_that_matches_is_decided_in_chunks(
    console: Console, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.console.actions.CHUNK", 2)
    domains(connection, *(f"d{n}.test" for n in range(5)), "other.example")
    connection.execute(text("UPDATE domains SET curation_status = 'Maybe' WHERE domain = 'd1.test'"))
    page = console.get("curation/domains?search=.test")
    fields = [
        *page.form("decide/domains"),
        ("scope", "all"),
        ("curation_status", "Maybe"),
        ("field", "curation_status"),
    ]
    page = console.post("decide/domains", fields)
    assert "set: 4 , unchanged: 1" in page.shown
    page = console.confirm(page, "decide/domains", reason="later")
    steps = 1
    while "Go on" in page.shown:
        page = console.confirm(page, "decide/domains")
        steps += 1
    assert (steps, "4 records moved, 1 left alone" in page.shown) == (3, True), page.shown
    assert 'value="5"' in page.body
    decided = connection.execute(text("SELECT domain FROM domains WHERE curation_status = 'Maybe'")).scalars().all()
    assert sorted(decided) == [f"d{n}.test" for n in range(5)]


def test_what_a_form_could_not_move_is_listed_with_its_reason(operator: Console, harness: Harness) -> None:
    queued, new = harness.add("a.test"), harness.add("b.test", status="New")
    ticked = [("ids", str(*queued)), ("ids", str(*new)), ("ids", "999")]
    asked = operator.post("cancel/metadata", ticked)
    assert "3 records" in asked.shown
    done = operator.confirm(asked, "cancel/metadata", reason="not now")
    assert "1 record moved, 2 left alone" in done.shown
    assert f"{new[0]}: is New; cancel needs Queued" in done.shown
    assert "999: domains has no record 999" in done.shown


def test_a_form_with_impossible_fields_is_refused(console: Console, connection: Connection) -> None:
    (record_id,) = domains(connection, "a.test")
    chosen = [("ids", str(record_id)), ("curation_status", "Maybe"), ("confirmed", "1"), ("reason", "x")]
    assert console.post("decide/domains", [*chosen, ("moved", "9" * 5_000), ("total", "٣")]).status == 200
    for path, fields in (
        ("requeue/export", [("scope", "all")]),
        ("decide/nothing", chosen),
        ("run/nothing", []),
        ("export", [("table", "nothing")]),
    ):
        assert console.post(path, fields).status == 404, path
    for path, fields in (
        ("requeue/metadata", []),
        ("requeue/metadata", [("ids", "x")]),
        ("requeue/metadata", [("scope", "all")]),
        ("requeue/metadata", [("scope", "all"), ("f.nothing", "1")]),
        ("decide/domains", [*chosen, ("field", "id")]),
        ("decide/domains", [("ids", "1"), ("curation_status", "Maybe"), ("confirmed", "1"), ("reason", "x" * 501)]),
        ("suppress", [("confirmed", "1"), ("reason", "x")]),
        ("suppress", []),
        ("search", [("text", "bakeries")]),
    ):
        assert console.post(path, fields).status == 422, (path, fields)
    assert "is no e-mail address" in console.post("suppress", {"email": "x"}).shown
    assert console.post("run/metadata", [("a", "1")] * 10_001).status == 413


DIGITS = "9" * 5_000


@pytest.mark.parametrize(
    "path",
    [
        *(f"{page}/{DIGITS}" for page in ("record/metadata", "export")),
        *(f"{page}before={DIGITS}" for page in ("audit?", "changes?", "workflow/metadata?tab=ended&")),
        *(f"workflow/metadata?{given}" for given in (f"after={DIGITS}", "tab=x", "due=x", "cursor=x", "nothing=1")),
        "workflow/metadata?due=9999-12-31T23:59:59-23:59",
        *(
            "workflow/export?nothing=1",
            "audit?nothing=1",
            "find?nothing=1",
            "leads?nothing=1",
            "curation/pages?url=%00",
        ),
    ],
)
def test_an_impossible_address_is_refused_on_a_page(console: Console, path: str) -> None:
    page = console.get(path)
    assert (page.status, 'role="alert"' in page.body) == (422, True), page.shown


def test_errors_of_a_table_that_the_api_does_not_list_are_shown(console: Console, connection: Connection) -> None:
    for _ in range(3):
        console.post("export", {"table": "domains"})
    held = claim(connection, EXPORT, batch=2, max_in_flight=9, dispatch_lease=60, trigger="manual")
    abandon(connection, EXPORT, [one.record_id for one in held], actor="ada", reason="stuck")
    shown = {tab: console.get(f"workflow/export?tab={tab}").body.count('name="ids"') for tab in ("waiting", "error")}
    assert shown == {"waiting": 1, "error": 2}
    assert 'name="ids"' in console.get("workflow/export?tab=error&error_code=abandoned").body
    assert 'name="ids"' not in console.get("workflow/export?tab=error&error_code=nothing").body
    errors = console.get("errors").shown
    assert "export abandoned 2" in errors
    assert "Requeue this group" not in errors  # by a filter, which exports do not have


def test_a_form_that_is_sent_twice_acts_once(console: Console, connection: Connection) -> None:
    (record_id,) = domains(connection, "a.test")
    asked = console.post("decide/domains", [("ids", str(record_id)), ("curation_status", "Selected")])
    first, second = (console.confirm(asked, "decide/domains", reason="a lead") for _ in range(2))
    assert [row(connection, "domains", record_id)["status"], first.status, second.status] == ["Queued", 200, 200]
    events = connection.execute(text("SELECT count(*) FROM status_events WHERE reason = 'a lead'")).scalar_one()
    assert events == 1
    assert "queued: 1" in first.shown
    assert "queued: 1" in second.shown


def test_the_record_shows_its_timeline_and_its_lineage(console: Console, connection: Connection) -> None:
    (domain,) = domains(connection, "a.test", status="Queued")
    for statement in (
        "INSERT INTO places (place_id, name) VALUES ('p1', 'Bakery')",
        "INSERT INTO local_businesses (place_id, business_name, domain_id) VALUES ('p1', 'Bakery', :id)",
        "INSERT INTO sitemaps (domain_id) VALUES (:id)",
        "INSERT INTO sitemap_files (domain_id, url, discovery_method) VALUES (:id, 'https://a.test/map.xml', 'manual')",
        "INSERT INTO pages (domain_id, url, page_type, path_depth) VALUES (:id, 'https://a.test/contact', 'contact', 1)",
        "INSERT INTO contacts (domain_id, kind, value) VALUES (:id, 'email', 'info@a.test')",
    ):
        connection.execute(text(statement), {"id": domain})
    seize(connection, [domain])
    for path in (
        f"record/metadata/{domain}",
        "record/deep_scan/1",
        "record/domain_extraction/1",
        "record/email_check/1",
    ):
        page = console.get(path)
        lineage = page.shown.partition("Lineage")[2].partition("Timeline")[0]
        for name in (
            "Bakery New",
            "a.test Processing",
            "a.test New",
            "map.xml New",
            "a.test/contact New",
            "info@a.test New",
        ):
            assert name in lineage, (path, name, lineage)
    shown = console.get(f"record/metadata/{domain}").shown
    assert "Queued → Processing" in shown
    assert f"logs record-trail workflow=metadata record_id={domain} --since 1d --stage test" in shown
    other = "INSERT INTO pages (domain_id, url, page_type, path_depth) VALUES (:id, 'https://a.test/a/b', 'other', 2)"
    connection.execute(text(other), {"id": domain})
    # The lineage of others has contact pages only.
    assert ["a.test/a/b New" in console.get(f"record/page_reading/{one}").shown for one in (1, 2)] == [False, True]
    leads = console.get("leads").shown
    assert "Bakery" in leads
    assert "info@a.test" in leads


def test_a_person_suppresses_searches_and_exports(console: Console, connection: Connection) -> None:
    (domain,) = domains(connection, "a.test")
    contact = "INSERT INTO contacts (domain_id, kind, value) VALUES (:id, 'email', 'info@a.test')"
    connection.execute(text(contact), {"id": domain})
    asked = console.post("suppress", {"email": "info@a.test"})
    assert "1 contacts were deleted" in console.confirm(asked, "suppress", reason="objected").shown
    asked = console.post("search", {"text": "bakeries", "area": "Riverside"})
    assert "calls, $" in asked.shown
    assert "bakeries in Riverside: queued" in console.confirm(asked, "search").shown
    made = console.post("export", {"table": "domains", "f.search": "a.test"})
    assert (made.status, made.headers["Location"]) == (303, "export/1")
    assert "Export 1 of domains is Queued" in console.get("export/1").shown
    assert connection.execute(text("SELECT filters FROM exports")).scalar_one() == {"search": "a.test"}
    actors = connection.execute(text("SELECT DISTINCT actor FROM status_events WHERE workflow <> 'metadata'")).scalars()
    assert set(actors) == {f"api:{ADA}"}


def test_the_audit_shows_what_people_did_and_no_work_of_services(
    operator: Console, harness: Harness, connection: Connection
) -> None:
    ids = harness.add("a.test", status="New")
    asked = operator.post("requeue/metadata", [("ids", str(*ids))])
    operator.confirm(asked, "requeue/metadata", reason="it is back")
    harness.drain()
    operator.post("pause/metadata", {"reason": "a bill"})
    operator.post("resume/metadata", {"reason": "paid"})
    connection.exec_driver_sql(
        "INSERT INTO suppressions (hash, kind, reason, actor) SELECT repeat(n::text, 64), 'email', 'a list', 'ada'"
        " FROM generate_series(1, 9) AS n"
    )
    page = operator.get("audit").shown
    assert "ada a list email 9" in page.partition("Suppressions")[2]
    assert "it is back metadata Queued 1" in page
    assert "Completed" not in page
    assert "a bill" in page.partition("Pauses")[2]
    assert "paid" in page.partition("Pauses")[2]


def test_a_status_without_counts_reads_no_whole_table(harness: Harness) -> None:
    short, full = (harness.invoke(action="status", counts=one)["workflows"]["metadata"] for one in (False, True))
    assert full.keys() - short.keys() == {"counts", "invariant_breaches"}


def test_the_settings_are_those_that_the_services_report(operator: Console) -> None:
    page = operator.get("settings")
    assert "DOMAIN_SCHEDULER_BATCH_SIZE 50" in page.shown
    assert "DATABASE_URL" not in page.shown
    assert "sitemap-scheduler: scrapersky-test-sitemap-scheduler:live could not be invoked" in page.shown


def test_every_tab_pages_through_all_of_its_records(
    console: Console, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.console.queries.ROWS", 2)
    ids = domains(connection, *(f"d{n}.test" for n in range(5)), status="Queued")
    due = "UPDATE domains SET due_at = now() + make_interval(secs => CASE WHEN id % 2 = 0 THEN 600 ELSE -600 END)"
    connection.execute(text(due))
    waiting = [one for one in ids if one % 2]
    assert _walk(console, "workflow/metadata") == waiting
    assert _walk(console, "workflow/metadata?tab=retrying") == [one for one in ids if one not in waiting]
    assert "Cancel all that is Queued, also what is due later" in console.get("workflow/metadata").shown
    filtered = console.get("workflow/metadata?tab=retrying&search=.test")
    assert "With filters: all Queued records, newest first" in filtered.shown
    seize(connection, waiting)
    assert _walk(console, "workflow/metadata?tab=working") == waiting
    abandon(connection, METADATA, waiting, actor="ada", reason="stuck")
    assert _walk(console, "workflow/metadata?tab=ended") == waiting[::-1]
    # Without filters it lists attempts, of records in any status.
    shown = {
        tab: "everything that matches" in console.get(f"workflow/metadata?tab={tab}").shown
        for tab in ("error", "ended")
    }
    assert shown == {"error": True, "ended": False}
    assert _walk(console, "workflow/metadata?tab=error&limit=2") == waiting[::-1]
    assert _walk(console, "curation/domains?limit=2&order=id") == ids


def _walk(console: Console, path: str) -> list[int]:
    """Return the ids of all pages."""
    found: list[int] = []
    while path:
        page = console.get(path)
        assert page.status == 200, page.shown
        found += map(int, re.findall(r'<a href="[./]*record/\w+/(\d+)">\1</a>', page.body))
        following = re.search(r'rel="next" href="([^"]*)"', page.body)
        path = urljoin(page.path, unescape(following[1])).removeprefix("/console/") if following else ""
    return found


def test_the_advice_about_codes_is_the_runbooks() -> None:
    runbook = Path("docs/runbook.md").read_text()
    lines = [line.split("\t") for line in FILE.read_text().splitlines()]
    assert [f"| `{code}` | {text_of_it} |" in runbook for code, text_of_it in lines] == [True] * len(lines)
    assert advice()("http_404") != advice()("http_410") != ""
    assert advice()("no_such_code") == ""


def test_only_the_consoles_pages_import_jinja2() -> None:
    early = re.compile(r"^(import jinja2|from (jinja2|markupsafe|api\.console\.rendering) )", re.MULTILINE)
    found = [file.name for file in Path("functions").rglob("*.py") if early.search(file.read_text())]
    assert found == ["rendering.py"]
