"""The report and the summary contain what the database holds."""

import io

import pytest
from rich.console import Console
from sqlalchemy import Connection, Engine, insert, text

from scrapersky.errors import plural
from scrapersky.models import Domain, Page, Sitemap, SitemapFile
from scrapersky.vocabulary import Status
from scripts.commands.run.inputs import queue_places
from scripts.commands.run.report import report, summarise, unfinished

NOW = text("now()")


@pytest.fixture
def filled(engine: Engine, connection: Connection) -> Connection:
    """One site that was processed, with an index and two files, one of them broken; one whose home page failed."""
    queue_places(engine, [{"id": "ChIJ1", "displayName": {"text": "Good Shop"}}])
    ends = {"status": Status.ERROR, "error_code": "http_403", "error": "https://bad.example/ answered 403"}
    for values in ({"domain": "good.example", "status": Status.QUEUED}, {"domain": "bad.example"}):
        connection.execute(insert(Domain).values(**values))
    good, bad = connection.execute(text("SELECT id FROM domains ORDER BY id")).scalars()
    finish(connection, "domains", "metadata", bad, "status", ends)
    connection.execute(insert(Sitemap).values(domain_id=good))
    for name, kind in (("index.xml", "index"), ("a.xml", "urlset"), ("b.xml", "urlset")):
        connection.execute(
            insert(SitemapFile).values(
                domain_id=good,
                url=f"https://good.example/{name}",
                sitemap_type=kind,
                discovery_method="common_path",
                url_count=2,
            )
        )
    _, whole, broken = connection.execute(text("SELECT id FROM sitemap_files ORDER BY id")).scalars()
    finish(
        connection, "sitemap_files", "import", whole, "sitemap_import_status", {"sitemap_import_status": "Completed"}
    )
    ends = {
        "sitemap_import_status": Status.ERROR,
        "sitemap_import_error_code": "not_xml",
        "sitemap_import_error": "it is a web page",
    }
    finish(connection, "sitemap_files", "import", broken, "sitemap_import_status", ends)
    for path in ("", "contact"):
        connection.execute(
            insert(Page).values(domain_id=good, url=f"https://good.example/{path}", page_type="page", path_depth=0)
        )
    return connection


def finish(
    connection: Connection, table: str, workflow: str, id: int, field: str, values: dict[str, str | Status]
) -> None:
    """Take a record by valid transitions from New to its end, with one finished attempt."""
    code = next((str(value) for name, value in values.items() if name.endswith("error_code")), "imported")
    connection.exec_driver_sql("BEGIN")
    connection.execute(text(f"UPDATE {table} SET {field} = 'Queued' WHERE id = :id AND {field} = 'New'"), {"id": id})
    attempt = (
        "INSERT INTO attempts (workflow, record_id, trigger, lease_until) VALUES (:workflow, :id, 'manual', :until)"
    )
    connection.execute(text(attempt), {"workflow": workflow, "id": id, "until": NOW})
    connection.execute(text(f"UPDATE {table} SET {field} = 'Processing' WHERE id = :id"), {"id": id})
    connection.execute(
        text(
            "UPDATE attempts SET finished_at = now(), outcome = 'done', code = :code WHERE record_id = :id AND outcome IS NULL"
        ),
        {"id": id, "code": code},
    )
    columns = ", ".join(f"{name} = :{name}" for name in values)
    connection.execute(
        text(f"UPDATE {table} SET {columns} WHERE id = :id"),
        {"id": id, **{name: str(value) for name, value in values.items()}},
    )
    connection.exec_driver_sql("COMMIT")


def test_the_report_lists_each_site_under_its_owners_name(filled: Connection) -> None:
    found = report(filled, {"www.good.example": "ChIJ1", "bad.example": None, "unknown.example": None}, 1.26)
    assert found["seconds"] == 1.3
    assert found["totals"] == {
        "places": 1,
        "domains": 2,
        "sitemaps": 1,
        "sitemap_files": 3,
        "pages": 2,
        "contacts": 0,
        "local_businesses": 0,
    }
    assert found["workflows"]["import"] == {"New": 1, "Queued": 0, "Processing": 0, "Completed": 1, "Error": 1}
    assert found["outcomes"]["import"] == {"imported": 1, "not_xml": 1}
    good, bad, unknown = found["domains"]
    assert good["domain"] == "www.good.example"
    assert (
        good["statuses"].items()
        >= {
            "deep_scan": "Queued",
            "metadata": "Queued",
            "submission": "New",
            "discovery": "New",
            "import": "Error",
        }.items()
    )
    assert good["error"] == "import: not_xml: it is a web page"
    assert good["pages"] == 2
    assert [file["outcome"] for file in good["sitemap_files"]] == ["index", "imported", "not_xml"]
    assert good["sitemap_files"][1] == {
        "url": "https://good.example/a.xml",
        "type": "urlset",
        "method": "common_path",
        "url_count": 2,
        "outcome": "imported",
    }
    assert bad["error"] == "metadata: http_403: https://bad.example/ answered 403"
    assert unknown == {
        "domain": "unknown.example",
        "statuses": {},
        "error": None,
        "sitemap_files": [],
        "pages": 0,
        "contacts": [],
    }


def test_a_site_with_an_invalid_host_name_is_in_the_report_too(
    filled: Connection,
) -> None:
    (site,) = report(filled, {"127.0.0.1": "ChIJ1"}, 1.0)["domains"]
    assert site["statuses"] == {"deep_scan": "Queued"}


def test_the_summary_groups_failures_by_code_with_examples(filled: Connection) -> None:
    printed = io.StringIO()
    summarise(Console(file=printed, width=200), filled, 2.0)
    assert "2 domains" in printed.getvalue()
    assert "1 imported, 1 not_xml" in printed.getvalue()
    assert "metadata · http_403 × 1\n      bad.example: https://bad.example/ answered 403" in printed.getvalue()


def test_unfinished_records_are_listed_with_the_end_of_their_last_attempt(filled: Connection) -> None:
    lines = unfinished(filled)
    assert [line.partition(":")[0] for line in lines] == ["deep_scan Good Shop", "metadata good.example"]
    assert "Queued" in lines[0]
    assert lines[0].endswith("last attempt: none")


def test_a_number_agrees_with_its_noun() -> None:
    assert [plural(number, "record") for number in (0, 1, 2_000)] == ["0 records", "1 record", "2,000 records"]
    assert plural(3, "local business", "local businesses") == "3 local businesses"


def test_one_record_in_error_is_singular(filled: Connection) -> None:
    filled.execute(
        text("UPDATE sitemap_files SET sitemap_import_status = 'Queued' WHERE sitemap_import_status = 'Error'")
    )
    printed = io.StringIO()
    summarise(Console(file=printed, width=200), filled, 2.0)
    assert "Why 1 record is in Error" in printed.getvalue()
