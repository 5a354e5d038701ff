"""The operators' console: its pages, its forms, who may see and send them, and strangers' texts on them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin

import pytest
from sqlalchemy import Connection, text

from scrapersky.runtime.registry import METADATA
from scrapersky.status.abandon import abandon
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
    page = console.get("overview")
    assert page.status == 200
    assert "metadata ⏸ paused by ada: a bill, until it is resumed Queued 2" in page.shown
    assert page.shown.count("no tick") == 9  # all others, none of which has ticked


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
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
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
        ([], 403),
    ],
)
def test_only_forms_of_the_consoles_own_pages_are_accepted(
    console: Console, headers: list[tuple[str, str]], status: int
) -> None:
    assert console.post("pause/metadata", {}, headers=headers).status == status


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
