"""Strangers' texts on the console: whatever a column holds, a page shows it as text, cut, and runs nothing of it."""

import json
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from sqlalchemy import Connection, text

from api.console.lists import BY_TABLE
from api.console.records import COLUMNS
from api.console.rendering import INVISIBLE, SHOWN
from scrapersky.runtime.registry import WORKFLOWS
from scrapersky.status.workflow import Workflow
from tests.integration.api import Api
from tests.integration.test_console import Console, Page

MARK = "STRANGER"
ATTACKS = {
    "script": f"""{MARK}"'></td><script src=//evil.test></script><img src=x onerror=alert(1)><!--""",
    "javascript": f"javascript:alert('{MARK}')",
    "link": f'https://evil.test/{MARK}" onmouseover="alert(1)',
    "bidi": f"{MARK}\\u202e\\u2066\\u200f\\u061c\\x07\\x1b[31m\\ufeff cod.exe".encode().decode("unicode_escape"),
    "template": f"{MARK}{{{{ 7 * 191 }}}}{{% include 'base.html' %}}",
    "long": MARK * 131_072,
}
ALLOWED = set(
    re.findall(
        r"\w+",
        "a bdi body br button code dd details div dl dt footer form h1 h2 head header html input label li link main meta"
        " nav ol option p pre progress rect script section select span strong summary svg table tbody td th thead title tr ul",
    )
)
TABLES = {"domains", "places", "local_businesses", "sitemaps", "sitemap_files", "pages", "contacts", "place_searches"}
OTHERS = ("attempts", "status_events", "pauses", "erasures", "suppressions", "changes", "contact_sources")


class Elements(HTMLParser):
    """Collects the start tags of a page, and the text outside of elements that isolate its direction."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.bare: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a start tag."""
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag in ISOLATING:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        if tag in ISOLATING and tag in self.open:
            self.open.remove(tag)

    def handle_data(self, data: str) -> None:
        """Note a text, and a stranger's text that nothing isolates."""
        self.texts.append(data)
        if MARK in data and not self.open:
            self.bare.append(data)


ISOLATING = ("bdi", "td", "dd", "pre", "option", "title")


@pytest.fixture(params=ATTACKS)
def attacked(request: pytest.FixtureRequest, connection: Connection) -> str:
    """Fill every column that takes a text with the attack."""
    attack = ATTACKS[request.param]
    connection.execute(text("SET session_replication_role = replica"))
    for name in (*sorted(TABLES), *OTHERS):
        _fill(connection, name, attack)
    connection.execute(text("SET session_replication_role = origin"))
    return attack


def _fill(connection: Connection, table: str, attack: str) -> None:
    indexed = set(connection.execute(INDEXED, {"table": table}).scalars())
    values: dict[str, Any] = {}
    for name, kind in connection.execute(COLUMNS_OF, {"table": table}):
        short = name in indexed or name in ("text", "area") or name == "error" or name.endswith("_error")
        given = attack[:300] if short else attack
        values[name] = FIXED.get(name, given if kind == "text" else [given])
    values |= OWN.get(table, {})
    for workflow in WORKFLOWS.values():
        if workflow.table == table:
            values |= {workflow.field: "Error", workflow.companion("error_code"): attack[:300]}
            values[workflow.companion("error")] = attack[:1_000]
    if table == "attempts":
        values["detail"] = json.dumps({"reason": attack})
    types = {row.attname: row.format_type for row in connection.execute(TYPES, {"table": table})}
    names, given = ", ".join(values), ", ".join(f"CAST(:{name} AS {types[name]})" for name in values)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({given})"), values)


COLUMNS_OF = text("""
SELECT column_name, data_type FROM information_schema.columns
WHERE table_name = :table AND table_schema = current_schema() AND is_generated = 'NEVER'
  AND (data_type = 'text' OR (data_type = 'ARRAY' AND udt_name = '_text'))
""")
TYPES = text("""
SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
WHERE attrelid = CAST(:table AS regclass) AND attnum > 0 AND NOT attisdropped
""")
INDEXED = text("""
SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY(indkey)
WHERE indrelid = CAST(:table AS regclass)
""")
FIXED: dict[str, Any] = {
    "workflow": "metadata",
    "kind": "email",
    "tile": "",
    "field": "title",
    "email_check_result": "valid",
}
OWN: dict[str, dict[str, Any]] = {
    "local_businesses": {"domain_id": 1},
    "sitemaps": {"domain_id": 1},
    "sitemap_files": {"domain_id": 1},
    "pages": {"domain_id": 1, "page_type": "contact", "path_depth": 1},
    "contacts": {"domain_id": 1, "category": "role"},
    "contact_sources": {"contact_id": 1},
    "changes": {"domain_id": 1},
    "attempts": {"attempt_id": 1, "record_id": 1, "lease_until": "2026-01-01", "finished_at": "2026-01-01"},
    "status_events": {"record_id": 1, "to_status": "Error", "attempt_id": 1, "from_status": "Processing"},
    "pauses": {"paused_at": "2026-01-01", "resumed_at": "2026-01-02"},
    "erasures": {"record_ids": [1]},
    "suppressions": {"hash": "a" * 64},
}
RECORDS = sorted({workflow.table: name for name, workflow in WORKFLOWS.items() if workflow.table in TABLES}.values())
PAGES = (
    "overview", "errors", "leads", "audit", "changes",
    *(f"workflow/{name}?tab=error" for name in RECORDS),
    "workflow/metadata?tab=ended",
    *(f"record/{name}/1" for name in RECORDS),
    *(f"curation/{table}" for table in COLUMNS),
)  # fmt: skip


def test_a_page_shows_strangers_texts_as_text(attacked: str, api: Api) -> None:
    console = Console(api)
    # Megabytes take time to read, and records, leads and the audit show every column.
    paths = [one for one in PAGES if len(attacked) < 1_000 or one.startswith(("record", "leads", "audit", "changes"))]
    pages = [console.get(path) for path in paths]
    for page in pages:
        assert page.status == 200, page.path
        _check(page)
    assert sum(MARK in page.body for page in pages) > len(pages) * 0.8


@pytest.mark.parametrize("attacked", [one for one in ATTACKS if one != "long"], indirect=True)
def test_what_a_page_repeats_of_a_request_is_text(attacked: str, api: Api) -> None:
    console = Console(api)
    pages = [
        console.get(f"find?{urlencode({'text': attacked})}"),
        console.get(f"workflow/metadata?{urlencode({'tab': attacked})}"),
        console.get(f"workflow/metadata?{urlencode({'tab': 'error', 'search': attacked})}"),
        console.get(f"workflow/{quote(attacked, safe='')}"),
        console.post("requeue/metadata", {"scope": "all", "f.status": "Error", attacked: attacked}),
        console.post("search", {"text": attacked, "area": attacked}),
        console.post("suppress", {"domain": attacked}),
        console.post("decide/domains", {"ids": "1", "curation_status": attacked, "field": attacked}),
    ]
    for page in pages:
        _check(page)
        assert page.status in {200, 404, 409, 422}, page.path


def _check(page: Page) -> None:
    found = Elements()
    found.feed(page.body)
    unknown = {tag for tag, _ in found.tags} - ALLOWED
    assert not unknown, (page.path, unknown)
    assert [
        given.get("src", "").partition("?")[0].rpartition("/")[2] for tag, given in found.tags if tag == "script"
    ] == ["htmx-2.0.11.min.js"]
    for tag, given in found.tags:
        assert not {name for name in given if name.startswith(("on", "hx-on", "style", "srcdoc"))}, (
            page.path,
            tag,
            given,
        )
        address = given.get("href") or given.get("action") or given.get("formaction") or ""
        assert not re.match(r"\s*(javascript|data|vbscript)", address, re.IGNORECASE), (page.path, address)
        if address.startswith("http"):
            assert given["rel"] == "noreferrer noopener nofollow"
    assert not found.bare, (page.path, found.bare[:2])
    read = [*found.texts, *(given.get("aria-label", "") for _, given in found.tags)]
    assert not [one for one in read if INVISIBLE.search(one.replace("\n", ""))], page.path
    assert "1337" not in page.body
    runs = re.findall(rf"(?:{MARK})+", page.body)
    assert max(map(len, runs), default=0) <= 10_001, page.path
    assert len(page.body) < 400_000
    assert SHOWN < 1_000


def test_a_workflow_without_a_list_shows_its_errors(api: Api) -> None:
    tables: set[str] = {workflow.table for workflow in WORKFLOWS.values() if isinstance(workflow, Workflow)}
    assert tables == TABLES | {"exports"}
    assert Console(api).get("workflow/export?tab=error").status == 200
    assert COLUMNS.keys() == BY_TABLE.keys()
