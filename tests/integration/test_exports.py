"""``scripts/scrapersky export`` on a real database: the rows and columns of each resource, and what never appears."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from infra import ROOT
from scrapersky.lists import exports
from scrapersky.lists.exports import EXPORTS, Read, Rows, read_rows
from scrapersky.lists.tables import ContactFilter
from scrapersky.protection.suppression import suppress
from scrapersky.vocabulary import SubjectKind
from scripts.commands.scrapersky.app import main

RECORDS = """
INSERT INTO domains (domain, title, email_addresses, http_status)
VALUES ('shop.test', '=1+1', '{info@shop.test}', 200), ('café.test', 'Café', NULL, 404);
INSERT INTO contacts (domain_id, kind, value, category)
VALUES (1, 'email', 'info@shop.test', 'role'), (1, 'phone', '+4930123456', NULL), (2, 'email', 'info@shop.test', 'role');
INSERT INTO contact_sources (contact_id, page_id, url, found_in, last_seen)
VALUES (1, NULL, 'https://shop.test/', 'mailto', now() - interval '1 day');
INSERT INTO pages (domain_id, url, page_type, path_depth)
VALUES (1, 'https://shop.test/contact', 'contact', 1), (2, 'https://sub.shop.test/a', 'other', 1);
INSERT INTO contact_sources (contact_id, page_id, url, found_in) VALUES (1, 1, 'https://shop.test/contact', 'text');
INSERT INTO local_businesses (place_id, business_name, phone, website_url, domain_id, opening_hours)
VALUES ('a', 'Shop', '+4930123456', 'https://www.shop.test/', 1, '{"monday": []}'),
       ('b', 'Café', NULL, 'https://café.test:8443/', 2, NULL);
"""


class Exporting:
    """The command ``export`` on one test's database."""

    def __init__(self, url: str, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self._url, self.folder, self._capture = url, folder, capture

    def __call__(self, *words: str) -> tuple[int, str]:
        """Run the command; return its exit status and its error output."""
        self._capture.readouterr()
        status = main(["export", *words, "--database-url", self._url])
        return status, self._capture.readouterr().err

    def rows(self, resource: str, *words: str) -> list[dict[str, Any]]:
        """Export to ndjson; return the rows."""
        file = self.folder / "out.ndjson"
        status, error = self(resource, "--format", "ndjson", "--output", str(file), *words)
        assert status == 0, error
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        assert error == f"{resource}: {len(rows)} row{'' if len(rows) == 1 else 's'} in {file}\n"
        return rows


def reading(engine: Engine) -> Read:
    """Return what calls a function in a transaction of its own."""

    def read(chunk: Callable[[Connection], Rows]) -> Rows:
        with engine.begin() as connection:
            return chunk(connection)

    return read


@pytest.fixture
def export(
    connection: Connection, application_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Exporting:
    """The command, with the rights of the functions, on two domains and what belongs to them."""
    for statement in RECORDS.split(";\n")[:-1]:
        connection.exec_driver_sql(statement)
    return Exporting(application_url, tmp_path, capsys)


def test_contacts_have_their_domain_and_the_page_that_gave_them_last(export: Exporting) -> None:
    found = export.rows("contacts")

    assert [(one["domain"], one["value"], one["source_url"]) for one in found] == [
        ("shop.test", "info@shop.test", "https://shop.test/contact"),
        ("shop.test", "+4930123456", None),
        ("café.test", "info@shop.test", None),
    ]


@pytest.mark.parametrize("resource", [one.replace("_", "-") for one in EXPORTS])
def test_the_columns_of_an_export_are_those_of_its_documentation(export: Exporting, resource: str) -> None:
    document = (ROOT / "docs/how-to/export.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| `{resource}` \| (.+) \|$", document, re.MULTILINE)

    documented = re.findall(r"`(\w+)`", row)
    assert [list(one) for one in export.rows(resource)] == [documented] * (3 if resource == "contacts" else 2)


def test_filters_are_those_of_the_api_and_all_of_them_must_match(export: Exporting) -> None:
    assert [one["id"] for one in export.rows("contacts", "--where", "domain=shop.test")] == [1, 2]
    assert [one["id"] for one in export.rows("contacts", "--where", "domain=shop.test", "--where", "kind=phone")] == [2]
    assert [one["id"] for one in export.rows("domains", "--where", "has_email=true", "--where", "http_status=200")] == [
        1
    ]
    assert [one["id"] for one in export.rows("domains", "--where", "search=SHOP")] == [1]
    assert [one["id"] for one in export.rows("pages", "--where", "page_type=contact")] == [1]


def test_csv_and_xlsx_are_written_too(export: Exporting) -> None:
    table, book = export.folder / "a.csv", export.folder / "a.xlsx"

    assert export("domains", "--output", str(table), "--bom")[0] == 0
    assert export("domains", "--format", "xlsx", "--output", str(book))[0] == 0

    assert table.read_bytes().startswith(b"\xef\xbb\xbfid,tenant,domain,")
    assert ",'=1+1," in table.read_text(encoding="utf-8")
    assert book.read_bytes().startswith(b"PK")
    assert table.stat().st_mode & 0o077 == 0


def hide(connection: Connection, kind: SubjectKind, value: str) -> None:
    """Store a suppression alone, without the deletion that comes with it."""
    values = {"hash": hashlib.sha256(value.encode()).hexdigest(), "kind": kind.value}
    statement = "INSERT INTO suppressions (hash, kind, reason, actor) VALUES (:hash, :kind, 'objected', 'ada')"
    connection.execute(text(statement), values)


@pytest.mark.parametrize(
    ("kind", "value", "left"),
    [
        (SubjectKind.EMAIL, "info@shop.test", [[2], [1, 2], [1, 2], [1, 2]]),
        (SubjectKind.PHONE, "+4930123456", [[1, 3], [1, 2], [2], [1, 2]]),
        (SubjectKind.DOMAIN, "shop.test", [[], [2], [2], []]),
        (SubjectKind.DOMAIN, "café.test", [[1, 2], [1], [1], [1]]),
    ],
)  # fmt: skip
def test_what_is_suppressed_never_appears(
    export: Exporting, connection: Connection, kind: SubjectKind, value: str, left: list[list[int]]
) -> None:
    hide(connection, kind, value)

    exported = [[one["id"] for one in export.rows(table.replace("_", "-"))] for table in EXPORTS]
    assert exported == left


def test_a_suppressed_address_is_in_no_export(export: Exporting, engine: Engine) -> None:
    digest = hashlib.sha256(b"info@shop.test").hexdigest()
    with engine.begin() as transaction:
        suppress(transaction, {digest: SubjectKind.EMAIL}, actor="ada", reason="objected", of_contacts=())

    exported = json.dumps([export.rows(resource) for resource in ("contacts", "domains", "local-businesses", "pages")])

    assert "info@shop.test" not in exported
    assert "+4930123456" in exported


def test_a_suppression_during_an_export_counts_for_the_rows_that_are_read_later(
    export: Exporting, connection: Connection, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "CHUNK", 1)
    chunks = read_rows(reading(engine), EXPORTS["contacts"], ContactFilter())
    first = next(chunks)
    with engine.begin() as transaction:
        digest = hashlib.sha256(b"+4930123456").hexdigest()
        suppress(transaction, {digest: SubjectKind.PHONE}, actor="ada", reason="objected", of_contacts=())

    assert [row[0] for row in first] == [1]
    assert [row[0] for chunk in chunks for row in chunk] == [3]


def test_no_transaction_is_open_while_rows_are_written(
    export: Exporting, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "CHUNK", 2)
    opened = []

    def read(chunk: Callable[[Connection], Rows]) -> Rows:
        with engine.begin() as connection:
            opened.append(connection)
            return chunk(connection)

    for _ in read_rows(read, EXPORTS["contacts"], ContactFilter()):
        assert opened[-1].closed

    assert len(opened) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["places"], "there is no export of 'places'; valid: contacts, domains, local-businesses, pages"),
        (["contacts", "--where", "town=x"], "filters of contacts: "),
        (["contacts", "--where", "kind=fax"], "--where kind='fax': must be 'email', "),
        (["domains", "--where", "http_status=9"], "--where http_status=9: must be greater than or equal to 100"),
        (["contacts", "--format", "xlsx", "--bom"], "--bom: xlsx has no byte order mark; valid with --format csv"),
        (["contacts", "--format", "xls"], "'xls' is not one of 'csv', 'ndjson', 'xlsx'"),
    ],
)
def test_an_invalid_command_names_what_is_valid(export: Exporting, words: list[str], message: str) -> None:
    status, error = export(*words)

    assert status == 2
    assert message in error


def test_an_export_that_fails_leaves_no_file(
    export: Exporting, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "CHUNK", 1)
    connection.exec_driver_sql("REVOKE SELECT ON contact_sources FROM scrapersky_app")

    status, error = export("contacts", "--output", str(export.folder / "a.csv"))

    assert (status, list(export.folder.iterdir())) == (1, [])
    assert "the export failed, and nothing was kept: permission denied for table contact_sources" in error


def test_a_folder_that_does_not_exist_is_an_error(export: Exporting) -> None:
    status, error = export("contacts", "--output", str(export.folder / "missing" / "a.csv"))

    assert status == 1
    assert f"could not write {export.folder}/missing/a.csv: No such file or directory" in error
