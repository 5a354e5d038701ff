"""The import job and its write, with a website on loopback and a real Postgres."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from scrapersky.errors import FetchError
from scrapersky.models import SitemapFile
from scrapersky.runtime.outcomes import Done, Fail, Outcome
from scripts.commands.run.internet.website import Answer, Request
from sitemap_import_scheduler.sitemap_import import import_sitemap
from tests.jobs import Answers, page, run_job
from tests.unit.sitemaps.broken_entries import broken_entries

pytestmark = pytest.mark.usefixtures("invariants_hold")

HEAD = '<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'


def urlset(*entries: str) -> bytes:
    """Return a urlset of these ``<url>`` contents."""
    return (HEAD + "".join(f"<url>{entry}</url>" for entry in entries) + "</urlset>").encode()


def loc(path: str, more: str = "", host: str = "shop.test") -> str:
    """Return the content of one ``<url>``."""
    return f"<loc>https://{host}{path}</loc>{more}"


@pytest.fixture
def file_id(connection: Connection) -> int:
    """The id of a sitemap file of shop.test."""
    return int(
        connection.execute(
            text(
                "WITH d AS (INSERT INTO domains (domain) VALUES ('shop.test') RETURNING id)"
                " INSERT INTO sitemap_files (domain_id, url, discovery_method)"
                " SELECT id, 'https://shop.test/sitemap.xml', 'manual' FROM d RETURNING id"
            )
        ).scalar_one()
    )


CONTACT_PAGES_OF_ALL = text("SELECT count(*) FROM pages WHERE page_type IN ('contact', 'legal', 'about')")


def run(engine: Engine, file_id: int, tmp_path: Path, body: bytes, status: int = 200, **settings: Any) -> Outcome:
    """Run the job while the file's URL answers ``body``, and apply the write as the runtime does."""

    def answer(request: Request) -> Answer:
        if request.path == "/robots.txt":
            return Answer(404)
        if request.headers.get("if-none-match") == '"v1"':
            return Answer(304)
        return Answer(status, body, {"Content-Type": "application/xml", "ETag": '"v1"'})

    with Session(engine) as session:
        record = session.get_one(SitemapFile, file_id)
        session.expunge_all()
    outcome = run_job(import_sitemap, record, {"shop.test": Answers(answer)}, tmp_path, **settings)
    write = outcome.write if isinstance(outcome, Done | Fail) else None
    if write is not None:
        with engine.begin() as connection:
            made = write(connection)["pages"]
            assert len(made) == connection.execute(CONTACT_PAGES_OF_ALL).scalar_one()
    return outcome


def pages(connection: Connection) -> list[str]:
    """Return the stored URLs."""
    return list(connection.execute(text("SELECT url FROM pages ORDER BY id")).scalars())


def column(connection: Connection, name: str, table: str = "sitemap_files") -> Any:
    """Return one column of the only row."""
    return connection.execute(text(f"SELECT {name} FROM {table}")).scalar_one()


def test_every_field_of_an_entry_is_stored(
    engine: Engine, connection: Connection, file_id: int, tmp_path: Path
) -> None:
    more = "<lastmod>2026-05-01T10:00:00+02:00</lastmod><changefreq>Weekly</changefreq><priority>0.8</priority>"
    outcome = run(engine, file_id, tmp_path, urlset(loc("/kontakt/", more)))
    assert (type(outcome), outcome.code) == (Done, "imported")
    row = connection.execute(text("SELECT * FROM pages")).one()
    assert row.url == "https://shop.test/kontakt/"
    assert row.last_modified.isoformat() == "2026-05-01T08:00:00+00:00"
    assert (row.changefreq, float(row.priority), row.page_type, row.path_depth) == ("weekly", 0.8, "contact", 1)
    assert (row.other_host, row.lead_source, row.sitemap_file_id) == (False, "sitemap_import", file_id)
    assert (column(connection, "pages_found"), column(connection, "etag")) == (1, '"v1"')


def test_a_second_import_updates_changed_pages_and_inserts_new_ones(
    engine: Engine, connection: Connection, file_id: int, tmp_path: Path
) -> None:
    run(engine, file_id, tmp_path, urlset(loc("/a"), loc("/b", "<priority>0.1</priority>")))
    connection.execute(text("UPDATE sitemap_files SET etag = NULL"))
    connection.execute(text("UPDATE pages SET curation_status = 'Selected'"))
    before = connection.execute(text("SELECT updated_at FROM pages WHERE url LIKE '%/a'")).scalar_one()
    run(engine, file_id, tmp_path, urlset(loc("/a"), loc("/b", "<priority>0.9</priority>"), loc("/c")))
    assert pages(connection) == [f"https://shop.test/{name}" for name in "abc"]
    assert connection.execute(text("SELECT priority::float8 FROM pages WHERE url LIKE '%/b'")).scalar_one() == 0.9
    assert connection.execute(text("SELECT updated_at FROM pages WHERE url LIKE '%/a'")).scalar_one() == before
    decisions = connection.execute(text("SELECT curation_status FROM pages ORDER BY id")).scalars()
    assert list(decisions) == ["Selected", "Selected", "New"]


def test_an_unchanged_file_costs_one_request_and_changes_nothing(
    engine: Engine, connection: Connection, file_id: int, tmp_path: Path
) -> None:
    run(engine, file_id, tmp_path, urlset(loc("/a")))
    assert run(engine, file_id, tmp_path, b"never sent").code == "not_modified"
    assert pages(connection) == ["https://shop.test/a"]


def test_a_page_listed_twice_is_one_page(engine: Engine, connection: Connection, file_id: int, tmp_path: Path) -> None:
    run(engine, file_id, tmp_path, urlset(loc("/a"), loc("/a#top"), loc("/a", host="SHOP.test:443")))
    assert pages(connection) == ["https://shop.test/a"]
    assert (column(connection, "url_count"), column(connection, "pages_found")) == (3, 1)


def test_pages_on_other_hosts_are_stored_and_marked(
    engine: Engine, connection: Connection, file_id: int, tmp_path: Path
) -> None:
    run(engine, file_id, tmp_path, urlset(loc("/a"), loc("/b", host="www.shop.test"), loc("/c", host="cdn.other.test")))
    marks = connection.execute(text("SELECT other_host FROM pages ORDER BY url DESC")).scalars()
    assert list(marks) == [False, False, True]  # www.shop.test, shop.test, cdn.other.test


def test_a_gzip_file_is_decompressed(engine: Engine, connection: Connection, file_id: int, tmp_path: Path) -> None:
    run(engine, file_id, tmp_path, gzip.compress(urlset(loc("/a"))))
    assert pages(connection) == ["https://shop.test/a"]
    assert column(connection, "is_gzip") is True


def test_a_broken_file_keeps_its_readable_part_and_the_place_of_the_error(
    engine: Engine, connection: Connection, file_id: int, tmp_path: Path
) -> None:
    outcome = run(engine, file_id, tmp_path, urlset(loc("/a"), loc("/b"))[:-40])
    assert outcome.code == "partial"
    assert pages(connection) == ["https://shop.test/a"]
    assert column(connection, "broken_at")
    assert column(connection, "etag") is None


def test_a_sitemap_without_urls_is_done_with_empty(
    engine: Engine, connection: Connection, file_id: int, tmp_path: Path
) -> None:
    outcome = run(engine, file_id, tmp_path, urlset())
    assert (type(outcome), outcome.code) == (Done, "empty")
    assert pages(connection) == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<!doctype html><html><body>Not found</body></html>", "not_xml"),
        (b"", "empty"),
        (b"<?xml version='1.0'?><feedback/>", "not_a_sitemap"),
        (b"<sitemapindex><sitemap><loc>https://shop.test/s.xml</loc></sitemap></sitemapindex>", "is_an_index"),
    ],
)
def test_a_body_that_lists_no_pages_fails_with_its_code(
    engine: Engine, connection: Connection, file_id: int, tmp_path: Path, body: bytes, code: str
) -> None:
    outcome = run(engine, file_id, tmp_path, body)
    assert (type(outcome), outcome.code) == (Fail, code)
    assert pages(connection) == []


def test_urls_beyond_the_limit_are_dropped_and_recorded(
    engine: Engine, connection: Connection, file_id: int, tmp_path: Path
) -> None:
    outcome = run(engine, file_id, tmp_path, urlset(*(loc(f"/{n}") for n in range(10))), import_max_urls=4)
    assert outcome.code == "capped"
    assert len(pages(connection)) == 4
    assert "more than 4 URLs" in column(connection, "broken_at")


def test_an_unchanged_file_becomes_valid_again(
    engine: Engine, connection: Connection, file_id: int, tmp_path: Path
) -> None:
    run(engine, file_id, tmp_path, urlset(loc("/a")))
    connection.execute(text("UPDATE sitemap_files SET is_valid = false, invalid_reason = 'not_xml: HTML'"))
    assert run(engine, file_id, tmp_path, b"never sent").code == "not_modified"
    assert (column(connection, "is_valid"), column(connection, "invalid_reason")) == (True, None)


def test_a_304_to_an_unconditional_request_is_an_error(engine: Engine, file_id: int, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="304 to a request without conditions"):
        run(engine, file_id, tmp_path, b"", status=304)


def test_a_partial_import_is_followed_by_an_unconditional_request(
    engine: Engine, connection: Connection, file_id: int, tmp_path: Path
) -> None:
    run(engine, file_id, tmp_path, urlset(loc("/a"), loc("/b"))[:-40])
    assert run(engine, file_id, tmp_path, urlset(loc("/a"), loc("/b"))).code == "imported"
    assert pages(connection) == ["https://shop.test/a", "https://shop.test/b"]
    assert column(connection, "broken_at") is None


def test_the_first_file_that_lists_a_page_determines_its_facts_and_others_fill_gaps(
    engine: Engine, connection: Connection, file_id: int, tmp_path: Path
) -> None:
    other_id = connection.execute(
        text(
            "INSERT INTO sitemap_files (domain_id, url, discovery_method)"
            " SELECT id, 'https://shop.test/other.xml', 'manual' FROM domains RETURNING id"
        )
    ).scalar_one()
    dated = "<lastmod>2026-01-02</lastmod><priority>0.5</priority>"
    run(engine, file_id, tmp_path, urlset(loc("/a", "<changefreq>daily</changefreq>")))
    run(engine, other_id, tmp_path, urlset(loc("/a", dated + "<changefreq>never</changefreq>")))
    facts = text(
        "SELECT sitemap_file_id, changefreq, priority::float8, last_modified::date::text, updated_at FROM pages"
    )
    first = connection.execute(facts).one()
    assert tuple(first)[:4] == (file_id, "daily", 0.5, "2026-01-02")
    connection.execute(text("UPDATE sitemap_files SET etag = NULL"))
    run(engine, other_id, tmp_path, urlset(loc("/a")))
    assert connection.execute(facts).one() == first
    run(engine, file_id, tmp_path, urlset(loc("/a")))
    assert tuple(connection.execute(facts).one())[:4] == (file_id, None, None, None)


def test_a_write_that_was_rolled_back_can_be_applied_again(
    engine: Engine, connection: Connection, file_id: int, tmp_path: Path
) -> None:
    body = urlset(loc("/a"), loc("/b"))
    with Session(engine) as session:
        record = session.get_one(SitemapFile, file_id)
        session.expunge_all()
    outcome = run_job(import_sitemap, record, {"shop.test": page(body)}, tmp_path)
    assert isinstance(outcome, Done)
    assert outcome.write is not None
    with engine.connect() as first:
        outcome.write(first)
        first.rollback()
    assert pages(connection) == []
    with engine.begin() as second:
        outcome.write(second)
    assert pages(connection) == ["https://shop.test/a", "https://shop.test/b"]


def test_several_imports_can_be_saved_in_one_transaction(
    engine: Engine, connection: Connection, file_id: int, tmp_path: Path
) -> None:
    with Session(engine) as session:
        record = session.get_one(SitemapFile, file_id)
        session.expunge_all()
    bodies = [urlset(loc("/a"), loc("/b")), urlset(loc("/b"), loc("/c"))]
    outcomes = [run_job(import_sitemap, record, {"shop.test": page(body)}, tmp_path) for body in bodies]
    with engine.begin() as together:
        for outcome in outcomes:
            assert isinstance(outcome, Done)
            assert outcome.write is not None
            outcome.write(together)
    assert pages(connection) == [f"https://shop.test/{name}" for name in "abc"]


def test_an_outcome_that_is_not_applied_leaves_no_temporary_file(
    engine: Engine, file_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spools = tmp_path / "spools"
    spools.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spools))
    with Session(engine) as session:
        record = session.get_one(SitemapFile, file_id)
        session.expunge_all()
    body = urlset(*(loc(f"/{number}") for number in range(5_000)))
    outcome = run_job(import_sitemap, record, {"shop.test": page(body)}, tmp_path)
    assert outcome.code == "imported"
    assert list(spools.iterdir()) == []


def test_special_characters_are_stored_unchanged(
    engine: Engine, connection: Connection, file_id: int, tmp_path: Path
) -> None:
    href = 'href="https://shop.test/de?q=1&#34;,&#9;x"'
    link = f'<xhtml:link rel="alternate" hreflang="de&#34;,\\.&#10;" {href}/>'
    run(engine, file_id, tmp_path, urlset(loc('/a"b,c;&#39;%00', link + "<image:image/>" * 40_000)))
    row = connection.execute(text("SELECT url, hreflang, image_count FROM pages")).one()
    assert row.url == "https://shop.test/a%22b,c;'%00"
    assert list(row.hreflang) == ['de",\\.']
    assert row.image_count == 32_767


def test_a_second_import_of_fifty_thousand_urls_writes_only_changes(
    engine: Engine, connection: Connection, file_id: int, tmp_path: Path
) -> None:
    entries = [
        loc(f"/{number % 7}/{number}", "<lastmod>2026-05-01</lastmod>" * (number % 2)) for number in range(50_000)
    ]
    assert run(engine, file_id, tmp_path, urlset(*entries)).code == "imported"
    counts = text("SELECT count(*), count(last_modified) FROM pages")
    assert tuple(connection.execute(counts).one()) == (50_000, 25_000)
    changed = [*entries[1:], loc("/new")]
    changed[0] = loc("/1/1", "<lastmod>2026-06-01</lastmod>")
    connection.execute(text("UPDATE sitemap_files SET etag = NULL"))
    assert run(engine, file_id, tmp_path, urlset(*changed)).code == "imported"
    # Of 50,001 rows one is new, one changed, and no other was written.
    of_now = text("SELECT count(*) FROM pages GROUP BY xmin ORDER BY 1")
    assert list(connection.execute(of_now).scalars()) == [2, 49_999]


def test_broken_entries_of_every_kind_cost_the_import_no_other_page(
    engine: Engine, connection: Connection, file_id: int, tmp_path: Path
) -> None:
    # A comment without an end is left out, because the end of a later one would end it.
    kinds = [broken for broken in broken_entries() if "<!--" not in broken]
    good = [f"https://shop.test/good-{number}" for number in range(len(kinds) + 1)]
    entries = (f"<url><loc>{url}</loc></url>\n{broken}\n" for url, broken in zip(good, [*kinds, ""], strict=True))
    body = (HEAD + "".join(entries) + "</urlset>").encode("utf-8", "surrogatepass")
    assert run(engine, file_id, tmp_path, body).code == "partial"
    assert set(good) <= set(pages(connection))
