"""The discovery job and its write, with websites on loopback and a real Postgres."""

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from scrapersky.models import Sitemap
from scrapersky.runtime.outcomes import Done, Fail, Outcome, Retry
from scrapersky.runtime.registry import DISCOVERY
from scrapersky.status.explain import as_text, explain
from scrapersky.vocabulary import RecordId
from scripts.commands.run.internet.website import Answer, RedirectTo, Request, Website, redirect
from sitemap_scheduler.discovery import discover_sitemaps
from sitemap_scheduler.scan import SECONDS_TO_SAVE
from tests.jobs import Answers, run_job
from tests.unit.sitemaps.broken_entries import LOCS

HOME = "<!doctype html><title>Shop</title><p>Welcome to our shop, open every day.</p>"


def urlset(*paths: str) -> str:
    """Return a urlset of pages of shop.test."""
    return "<urlset>" + "".join(f"<url><loc>https://shop.test{path}</loc></url>" for path in paths) + "</urlset>"


def index(*urls: str) -> str:
    """Return a sitemap index."""
    return "<sitemapindex>" + "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls) + "</sitemapindex>"


def site(files: Mapping[str, str | Answer], otherwise: int = 404) -> Answers:
    """Return a website with these files; ``/`` is a home page by default."""

    def answer(request: Request) -> Answer:
        found = files.get(request.path, HOME if request.path == "/" else None)
        if isinstance(found, Answer):
            return found
        if found is None:
            return Answer(otherwise, b"<!doctype html><title>Nothing here</title>", {"Content-Type": "text/html"})
        kind = "text/html" if found.lstrip().startswith("<!doctype") else "text/plain"
        return Answer(200, found.encode(), {"Content-Type": kind})

    return Answers(answer)


@dataclass
class Scanned:
    """The outcome of a scan and the rows that its write stored."""

    outcome: Outcome
    files: dict[str, Any]
    importable: list[str]
    report: dict[str, str]
    requests: int


@pytest.fixture
def sitemap_id(connection: Connection) -> int:
    """The id of shop.test's Sitemap."""
    return int(
        connection.execute(
            text(
                "WITH d AS (INSERT INTO domains (domain) VALUES ('shop.test') RETURNING id)"
                " INSERT INTO sitemaps (domain_id) SELECT id FROM d RETURNING id"
            )
        ).scalar_one()
    )


def scan(engine: Engine, sitemap_id: int, tmp_path: Path, websites: Mapping[str, Website], **settings: Any) -> Scanned:
    """Run the job and apply its write as the runtime does."""
    with Session(engine) as session:
        record = session.get_one(Sitemap, sitemap_id)
        session.expunge_all()
    outcome = run_job(discover_sitemaps, record, websites, tmp_path, **settings)
    assert isinstance(outcome, Done | Fail | Retry)
    assert outcome.write is not None
    with engine.begin() as connection:
        ids = [file for files in outcome.write(connection).values() for file in files]
        rows = connection.execute(text("SELECT * FROM sitemap_files ORDER BY id")).all()
        report, requests = connection.execute(text("SELECT report, requests_made FROM sitemaps")).one()
    return Scanned(
        outcome,
        {row.url.removeprefix("https://shop.test"): row for row in rows},
        sorted(row.url.removeprefix("https://shop.test") for row in rows if row.id in ids),
        {row["url"].removeprefix("https://shop.test"): row["result"] for row in report},
        requests,
    )


def test_every_discovery_method_is_tried_and_recorded(engine: Engine, sitemap_id: int, tmp_path: Path) -> None:
    shop = site(
        {
            "/robots.txt": "User-agent: *\nSITEMAP: /from-robots.xml\n",
            "/from-robots.xml": urlset("/a"),
            "/sitemap_index.xml": index("https://shop.test/child.xml", "/relative.xml"),
            "/child.xml": urlset("/b", "/c"),
            "/relative.xml": urlset("/d"),
            "/": HOME
            + '<link rel="sitemap" href="/linked.xml"><a href="/all-sitemap.txt">All</a><a href="/map.html">Map</a>'
            + '<a href="/sitemap.en.xml?lang=en#top">Map</a>',
            "/sitemap.en.xml": urlset("/g"),
            "/linked.xml": urlset("/e"),
            "/all-sitemap.txt": "https://shop.test/f\n",
        }
    )
    scanned = scan(engine, sitemap_id, tmp_path, {"shop.test": shop})
    assert (type(scanned.outcome), scanned.outcome.code) == (Done, "found")
    assert {path: (row.discovery_method, row.sitemap_type, row.url_count) for path, row in scanned.files.items()} == {
        "/from-robots.xml": ("robots_txt", "urlset", 1),
        "/sitemap_index.xml": ("common_path", "index", 2),
        "/child.xml": ("sitemap_index", "urlset", 2),
        "/relative.xml": ("sitemap_index", "urlset", 1),
        "/linked.xml": ("html_link", "urlset", 1),
        "/all-sitemap.txt": ("html_link", "text", 1),
        "/sitemap.en.xml?lang=en": ("html_link", "urlset", 1),
    }
    assert scanned.files["/child.xml"].parent_url == "https://shop.test/sitemap_index.xml"
    assert (scanned.report["/"], scanned.report["/robots.txt"]) == ("read", "read")


def test_an_index_is_stored_but_not_imported(engine: Engine, sitemap_id: int, tmp_path: Path) -> None:
    shop = site({"/sitemap.xml": index("https://shop.test/child.xml"), "/child.xml": urlset("/a")})
    assert scan(engine, sitemap_id, tmp_path, {"shop.test": shop}).importable == ["/child.xml"]


def test_an_index_written_as_a_urlset_is_followed(engine: Engine, sitemap_id: int, tmp_path: Path) -> None:
    files = {
        "/sitemap.xml": urlset("/", "/post-sitemap0.xml", "/sitemap-1.xml.gz", "/sitemap.xml", "/sitemap-missing.xml"),
        "/post-sitemap0.xml": urlset("/a", "/b"),
        "/sitemap-1.xml.gz": urlset("/c"),
        "/sitemap.html": HOME,
    }
    scanned = scan(engine, sitemap_id, tmp_path, {"shop.test": site(files)})
    assert {path: (row.discovery_method, row.url_count) for path, row in scanned.files.items()} == {
        "/sitemap.xml": ("common_path", 5),
        "/post-sitemap0.xml": ("sitemap_index", 2),
        "/sitemap-1.xml.gz": ("sitemap_index", 1),
        "/sitemap-missing.xml": ("sitemap_index", None),
    }
    assert scanned.files["/sitemap-1.xml.gz"].parent_url == "https://shop.test/sitemap.xml"


def test_a_soft_404_is_not_a_sitemap(engine: Engine, sitemap_id: int, tmp_path: Path) -> None:
    scanned = scan(engine, sitemap_id, tmp_path, {"shop.test": site({}, otherwise=200)})
    assert (type(scanned.outcome), scanned.outcome.code) == (Done, "no_sitemaps")
    assert scanned.report["/sitemap.xml"] == "not_xml"
    assert scanned.files == {}


HTML_SITEMAP_LINKS = '<a href="/map">Sitemap</a> <a href="/plan">Our site map</a>'


def everything_is(answer: Answer) -> Callable[[Request], Answer]:
    """Answer every request with this."""
    return lambda _: answer


def own_error_page(request: Request) -> Answer:
    """Redirect each URL to a 404 of its own."""
    return Answer(404) if "nothing" in request.path else redirect(f"/nothing-at{request.path}")


@pytest.mark.parametrize(
    ("home", "elsewhere"),
    [
        (HOME, everything_is(Answer(404))),
        (HOME + HTML_SITEMAP_LINKS, everything_is(Answer(404))),
        (HOME + HTML_SITEMAP_LINKS, everything_is(Answer(200, HOME.encode(), {"Content-Type": "text/html"}))),
        (HOME, everything_is(redirect("/"))),
        (HOME, everything_is(redirect("/nothing-here"))),
        (HOME, own_error_page),
    ],
    ids=["404", "hints", "soft 404", "to the home page", "in a circle", "each to its own page"],
)
@pytest.mark.parametrize("below", ["", "/shop"])
def test_a_site_with_nothing_costs_at_most_25_requests(
    engine: Engine, sitemap_id: int, tmp_path: Path, home: str, elsewhere: Callable[[Request], Answer], below: str
) -> None:
    asked: list[str] = []

    def answer(request: Request) -> Answer:
        asked.append(request.target)
        if request.path == f"{below}/":
            return Answer(200, home.encode(), {"Content-Type": "text/html"})
        return redirect(f"{below}/") if request.path == "/" else elsewhere(request)

    scanned = scan(engine, sitemap_id, tmp_path, {"shop.test": Answers(answer)})
    assert scanned.outcome.code == "no_sitemaps"
    assert len(asked) <= 25
    assert scanned.outcome.detail["requests"] == scanned.requests
    assert len(asked) - 1 <= scanned.requests <= len(asked)  # a redirect loop of robots.txt counts as one
    assert {"/sitemap.xml", "/sitemap_index.xml", "/wp-sitemap.xml"} <= set(asked)


@pytest.mark.parametrize(
    "files",
    [
        {"/robots.txt": "Sitemap: /mine.xml", "/mine.xml": urlset("/a")},
        {"/": HOME + '<link rel="sitemap" href="/mine.xml">', "/mine.xml": urlset("/a")},
        {"/sitemap.xml": urlset("/a")},
        {"/sitemap_index.xml": index("/child.xml"), "/child.xml": urlset("/a")},
    ],
    ids=["robots.txt", "link", "usual path", "index"],
)
def test_guessing_ends_when_a_sitemap_with_pages_is_found(
    engine: Engine, sitemap_id: int, tmp_path: Path, files: dict[str, str | Answer]
) -> None:
    scanned = scan(engine, sitemap_id, tmp_path, {"shop.test": site(files)})
    assert scanned.outcome.code == "found"
    assert scanned.requests <= 5
    assert set(scanned.report) == {"/", "/robots.txt", "/sitemap.xml", "/sitemap_index.xml", *files}


def test_usual_paths_are_tried_although_a_sitemap_is_declared(engine: Engine, sitemap_id: int, tmp_path: Path) -> None:
    files = {"/robots.txt": "Sitemap: /mine.xml", "/mine.xml": urlset("/a"), "/sitemap.xml": urlset("/b")}
    assert scan(engine, sitemap_id, tmp_path, {"shop.test": site(files)}).importable == ["/mine.xml", "/sitemap.xml"]


def test_an_empty_sitemap_and_an_index_without_children_do_not_end_the_search(
    engine: Engine, sitemap_id: int, tmp_path: Path
) -> None:
    files = {
        "/robots.txt": "Sitemap: /mine.xml",
        "/mine.xml": urlset(),
        "/sitemap.xml": index("/gone.xml"),
        "/sitemap.txt": "https://shop.test/a\n",
    }
    scanned = scan(engine, sitemap_id, tmp_path, {"shop.test": site(files)})
    assert scanned.files["/sitemap.txt"].url_count == 1
    assert "/post-sitemap.xml" not in scanned.report  # of the next round


def test_missing_children_are_searched_in_the_folder_of_their_index(
    engine: Engine, sitemap_id: int, tmp_path: Path
) -> None:
    files = {
        "/sitemap.xml": index("https://old-name.test/pages.xml", "/made/here/posts.xml?page=1", "/"),
        "/pages.xml": urlset("/a"),
    }
    scanned = scan(engine, sitemap_id, tmp_path, {"shop.test": site(files)})
    assert (scanned.files["/pages.xml"].discovery_method, scanned.report["/posts.xml?page=1"]) == (
        "sitemap_index",
        "http_404",
    )
    assert "/posts.xml?page=1" not in scanned.files


def test_a_scan_ends_when_the_site_asks_to_wait(engine: Engine, sitemap_id: int, tmp_path: Path) -> None:
    shop = site({"/sitemap.xml": Answer(429, b"", {"Retry-After": "600"})})
    scanned = scan(engine, sitemap_id, tmp_path, {"shop.test": shop}, web_requests_per_host=1)
    assert isinstance(scanned.outcome, Retry)
    assert (scanned.outcome.code, scanned.outcome.after) == ("http_429", 600)
    assert (scanned.report["/sitemap.xml"], scanned.report["/sitemap_index.xml"]) == ("http_429", "host_cooldown")
    assert "/sitemap.txt" not in scanned.report


def test_a_guessed_file_is_attributed_to_the_index_that_lists_it(
    engine: Engine, sitemap_id: int, tmp_path: Path
) -> None:
    files = {"/sitemap.xml": index("/post-sitemap.xml", "/page-sitemap.xml"), "/post-sitemap.xml": urlset("/a")}
    scanned = scan(engine, sitemap_id, tmp_path, {"shop.test": site(files)})
    attributed = {path: (row.discovery_method, row.is_valid) for path, row in scanned.files.items()}
    assert attributed == {
        "/sitemap.xml": ("common_path", True),
        "/post-sitemap.xml": ("sitemap_index", True),
        "/page-sitemap.xml": ("sitemap_index", False),
    }
    assert scanned.files["/post-sitemap.xml"].parent_url == "https://shop.test/sitemap.xml"


def test_indexes_that_list_each_other_are_read_once(engine: Engine, sitemap_id: int, tmp_path: Path) -> None:
    shop = site(
        {
            "/sitemap.xml": index("https://shop.test/sitemap.xml", "https://shop.test/other.xml"),
            "/other.xml": index("https://shop.test/sitemap.xml", *["https://shop.test/leaf.xml"] * 1_000),
            "/leaf.xml": urlset("/a"),
        }
    )
    scanned = scan(engine, sitemap_id, tmp_path, {"shop.test": shop})
    assert set(scanned.files) == {"/sitemap.xml", "/other.xml", "/leaf.xml"}
    assert scanned.files["/sitemap.xml"].parent_url is None


def test_broken_children_of_every_kind_cost_the_scan_no_other_child(
    engine: Engine, sitemap_id: int, tmp_path: Path
) -> None:
    kinds = [broken for broken in LOCS if "<!--" not in broken]
    good = [f"/good-{number}.xml" for number in range(len(kinds) + 1)]
    locs = [loc for pair in zip(good, [*kinds, "/"], strict=True) for loc in pair]
    files = {"/sitemap.xml": index(*locs), **{path: urlset("/a") for path in good}}
    scanned = scan(engine, sitemap_id, tmp_path, {"shop.test": site(files)}, discovery_max_requests=500)
    assert set(good) <= {path for path, row in scanned.files.items() if row.is_valid}


def test_depth_and_number_of_requests_are_limited(engine: Engine, sitemap_id: int, tmp_path: Path) -> None:
    deep = {f"/{n}.xml": index(f"https://shop.test/{n + 1}.xml") for n in range(8)}
    scanned = scan(
        engine,
        sitemap_id,
        tmp_path,
        {"shop.test": site({**deep, "/sitemap.xml": deep["/0.xml"]})},
        discovery_max_depth=2,
    )
    assert set(scanned.files) == {"/sitemap.xml", "/1.xml", "/2.xml"}
    wide = {"/sitemap.xml": index(*(f"https://shop.test/wide{n}.xml" for n in range(300)))}
    scanned = scan(engine, sitemap_id, tmp_path, {"shop.test": site(wide)}, discovery_max_requests=40)
    assert len(scanned.report) == 40
    assert scanned.outcome.code == "found_partly"


def test_a_site_below_a_path_is_searched_there(engine: Engine, sitemap_id: int, tmp_path: Path) -> None:
    shop = site({"/": redirect("/shop/"), "/shop/": HOME, "/shop/sitemap.xml": urlset("/shop/a")})
    assert scan(engine, sitemap_id, tmp_path, {"shop.test": shop}).importable == ["/shop/sitemap.xml"]


def test_a_site_that_moved_to_www_is_searched_there(engine: Engine, sitemap_id: int, tmp_path: Path) -> None:
    websites: dict[str, Website] = {
        "shop.test": RedirectTo("www.shop.test"),
        "www.shop.test": site({"/sitemap.xml": urlset("/a")}),
    }
    assert scan(engine, sitemap_id, tmp_path, websites).importable == ["https://www.shop.test/sitemap.xml"]


def test_numbered_parts_are_followed_where_the_index_is_missing(
    engine: Engine, sitemap_id: int, tmp_path: Path
) -> None:
    parts = [
        "/page-sitemap.xml",
        "/post-sitemap1.xml",
        "/post-sitemap2.xml",
        "/post-sitemap3.xml",
        "/page-sitemap2.xml",
    ]
    shop = site({path: urlset(path) for path in parts})
    assert scan(engine, sitemap_id, tmp_path, {"shop.test": shop}).importable == sorted(parts)


def test_a_path_that_redirects_to_a_known_sitemap_is_the_same_file(
    engine: Engine, sitemap_id: int, tmp_path: Path
) -> None:
    shop = site(
        {
            "/robots.txt": "Sitemap: http://shop.test/sitemap_index.xml\nSitemap: https://shop.test/old.xml",
            "/old.xml": redirect("/new.xml"),
            "/new.xml": urlset("/a"),
            "/sitemap.xml": redirect("/sitemap_index.xml"),
            "/sitemap_index.xml": index("/child.xml"),
            "/child.xml": redirect("/sitemap_index.xml"),
        }
    )
    scanned = scan(engine, sitemap_id, tmp_path, {"shop.test": shop})
    assert set(scanned.files) == {"/sitemap_index.xml", "/new.xml"}
    assert scanned.importable == ["/new.xml"]
    results = {path: scanned.report[path] for path in ("/old.xml", "/sitemap.xml", "/child.xml")}
    assert results == {"/old.xml": "sitemap", "/sitemap.xml": "same_file", "/child.xml": "same_file"}


def test_a_link_labelled_sitemap_is_stored_only_if_it_is_one(engine: Engine, sitemap_id: int, tmp_path: Path) -> None:
    links = '<a href="/pages?of=shop">XML Sitemap</a><a href="/map">Site map</a><a href="/people.html">Sitemap</a>'
    shop = site({"/": HOME + links, "/pages": urlset("/a"), "/map": HOME})
    # Enough requests for both links, however many guesses were under way at once before them.
    scanned = scan(engine, sitemap_id, tmp_path, {"shop.test": shop}, discovery_max_requests_for_nothing=30)
    assert set(scanned.files) == {"/pages?of=shop"}
    assert (scanned.report["/map"], "/people.html" in scanned.report) == ("not_xml", False)


def test_a_declared_file_that_is_busy_is_imported_and_keeps_its_facts(
    engine: Engine, sitemap_id: int, tmp_path: Path
) -> None:
    files = {"/sitemap.xml": index("/a.xml", "/b.xml"), "/a.xml": urlset("/a"), "/b.xml": urlset("/b", "/c")}
    first = scan(engine, sitemap_id, tmp_path, {"shop.test": site({**files, "/b.xml": Answer(503)})})
    assert (first.files["/b.xml"].is_valid, first.importable) == (None, ["/a.xml", "/b.xml"])
    assert scan(engine, sitemap_id, tmp_path, {"shop.test": site(files)}).files["/b.xml"].url_count == 2
    again = scan(engine, sitemap_id, tmp_path, {"shop.test": site({**files, "/b.xml": Answer(503)})})
    assert (again.files["/b.xml"].is_valid, again.files["/b.xml"].url_count) == (True, 2)
    gone = scan(engine, sitemap_id, tmp_path, {"shop.test": site({**files, "/b.xml": Answer(404)})})
    assert (gone.files["/b.xml"].is_valid, gone.importable) == (False, ["/a.xml"])


def test_files_that_the_time_did_not_suffice_for_are_left_to_the_import(
    engine: Engine, sitemap_id: int, tmp_path: Path
) -> None:
    children = [f"/part{number}.xml" for number in range(30)]
    shop = site(
        {
            "/robots.txt": "User-agent: *\nCrawl-delay: 0.3\nSitemap: /sitemap.xml",
            "/sitemap.xml": index(*children),
            **{path: urlset(path) for path in children},
        }
    )
    scanned = scan(engine, sitemap_id, tmp_path, {"shop.test": shop}, record_deadline_seconds=SECONDS_TO_SAVE + 1.2)
    assert scanned.outcome.code == "found_partly"
    assert scanned.report["/part29.xml"] == "not_tried"
    assert scanned.importable == sorted(children)


def test_a_slow_site_without_a_sitemap_so_far_is_retried(engine: Engine, sitemap_id: int, tmp_path: Path) -> None:
    shop = site({"/robots.txt": "User-agent: *\nCrawl-delay: 0.3"})
    scanned = scan(engine, sitemap_id, tmp_path, {"shop.test": shop}, record_deadline_seconds=SECONDS_TO_SAVE + 0.8)
    assert (type(scanned.outcome), scanned.outcome.code) == (Retry, "deadline")


def test_the_number_of_files_is_limited(engine: Engine, sitemap_id: int, tmp_path: Path) -> None:
    children = [f"/part{number}.xml" for number in range(30)]
    shop = site({"/sitemap.xml": index(*children), **{path: urlset(path) for path in children}})
    scanned = scan(engine, sitemap_id, tmp_path, {"shop.test": shop}, discovery_max_files=10)
    assert (len(scanned.files), scanned.outcome.code) == (10, "found_partly")


@pytest.mark.parametrize(
    ("home", "code"),
    [
        (redirect("https://shop.test/"), "too_many_redirects"),
        (redirect("ftp://shop.test/"), "bad_redirect"),
        (Answer(200, b"x", {"Content-Encoding": "br"}), "bad_response"),
    ],
)
def test_sitemaps_are_found_although_the_home_page_is_unusable(
    engine: Engine, sitemap_id: int, tmp_path: Path, home: Answer, code: str
) -> None:
    scanned = scan(engine, sitemap_id, tmp_path, {"shop.test": site({"/": home, "/sitemap.xml": urlset("/a")})})
    assert (scanned.outcome.code, scanned.importable, scanned.report["/"]) == ("found", ["/sitemap.xml"], code)
    without = scan(engine, sitemap_id, tmp_path, {"shop.test": site({"/": home})})
    assert without.outcome.code == code
    assert without.requests <= 25


def test_a_site_without_https_is_searched_over_http_although_its_home_page_is_unusable(
    engine: Engine, sitemap_id: int, tmp_path: Path
) -> None:
    shop = site({"/": redirect("ftp://shop.test/"), "/sitemap.xml": urlset("/a")})
    scanned = scan(engine, sitemap_id, tmp_path, {"shop.test": shop}, without_https=("shop.test",))
    assert scanned.importable == ["http://shop.test/sitemap.xml"]


@pytest.mark.parametrize(
    ("robots", "code"),
    [
        ("Sitemap: /mine.xml\nUser-agent: *\nDisallow: /mine.xml", "robots_disallowed"),
        ("Sitemap: /mine.xml\nSitemap: /m2.xml\nUser-agent: *\nDisallow: /m", "robots_disallowed"),
        ("Sitemap: /mine.xml\nSitemap: /open.xml\nUser-agent: *\nDisallow: /mine.xml", "no_sitemaps"),
        ("Sitemap: /gone.xml", "no_sitemaps"),
    ],
)
def test_a_site_that_closes_every_sitemap_it_names_refuses(
    engine: Engine, sitemap_id: int, tmp_path: Path, robots: str, code: str
) -> None:
    shop = site({"/robots.txt": robots, "/mine.xml": urlset("/a")})
    assert scan(engine, sitemap_id, tmp_path, {"shop.test": shop}).outcome.code == code


@pytest.mark.parametrize("old", [Answer(404), Answer(503), None], ids=["gone", "busy", "no host"])
def test_files_that_are_read_at_the_present_host_are_not_imported_from_the_old_one(
    engine: Engine, sitemap_id: int, tmp_path: Path, old: Answer | None
) -> None:
    shop = site(
        {
            "/robots.txt": "Sitemap: https://old.test/sitemap.xml\nSitemap: https://old.test/lost.xml",
            "/sitemap.xml": index("https://old.test/maps/a.xml", "https://old.test/maps/b.xml"),
            "/a.xml": urlset("/a"),
        }
    )
    websites: dict[str, Website] = {"shop.test": shop}
    if old is not None:
        websites["old.test"] = Answers(lambda request: Answer(404) if request.path == "/robots.txt" else old)
    scanned = scan(engine, sitemap_id, tmp_path, websites)
    left = [] if old == Answer(404) else ["https://old.test/lost.xml", "https://old.test/maps/b.xml"]
    assert scanned.importable == ["/a.xml", *left]
    assert (
        scanned.report["https://old.test/sitemap.xml"] == scanned.report["https://old.test/maps/a.xml"] == "same_file"
    )


@pytest.mark.parametrize("name", ["wp-sitemap.xml", "sitemap-index.xml", "sitemap.txt", "sitemap.xml.gz"])
def test_a_site_below_a_path_is_asked_for_other_names_there(
    engine: Engine, sitemap_id: int, tmp_path: Path, name: str
) -> None:
    content = "https://shop.test/shop/a\n" if name.endswith("txt") else urlset("/shop/a")
    shop = site({"/": redirect("/shop/"), "/shop/": HOME, f"/shop/{name}": content})
    assert scan(engine, sitemap_id, tmp_path, {"shop.test": shop}).importable == [f"/shop/{name}"]


@pytest.mark.parametrize("name", ["sitemap_index.xml.gz", "sitemap-index.xml.gz"])
def test_a_packed_index_at_the_root_is_found(engine: Engine, sitemap_id: int, tmp_path: Path, name: str) -> None:
    packed = Answer(200, gzip.compress(index("/a.xml").encode()), {"Content-Type": "application/gzip"})
    shop = site({f"/{name}": packed, "/a.xml": urlset("/a")})
    assert scan(engine, sitemap_id, tmp_path, {"shop.test": shop}).importable == ["/a.xml"]


def test_sitemaps_of_another_site_are_not_used(engine: Engine, sitemap_id: int, tmp_path: Path) -> None:
    websites: dict[str, Website] = {
        "shop.test": site({"/": redirect("https://parking.test/")}),
        "parking.test": site({"/sitemap.xml": urlset("/for-sale")}),
    }
    assert scan(engine, sitemap_id, tmp_path, websites).outcome.code == "no_sitemaps"


@pytest.mark.parametrize(
    ("files", "otherwise", "kind", "code"),
    [
        ({"/robots.txt": "User-agent: *\nDisallow: /\n"}, 404, Fail, "robots_disallowed"),
        ({"/robots.txt": Answer(404), "/": Answer(403)}, 403, Fail, "http_403"),
        ({"/robots.txt": Answer(503)}, 404, Retry, "robots_unreachable"),
        ({"/robots.txt": "Sitemap: /busy.xml", "/busy.xml": Answer(503)}, 404, Retry, "http_503"),
        ({"/robots.txt": Answer(404)}, 502, Retry, "http_502"),
    ],
    ids=["robots", "blocked", "unreachable", "busy", "down"],
)
def test_blocked_unreachable_and_busy_sites_have_their_own_outcomes(
    engine: Engine,
    sitemap_id: int,
    tmp_path: Path,
    files: dict[str, str | Answer],
    otherwise: int,
    kind: type,
    code: str,
) -> None:
    outcome = scan(engine, sitemap_id, tmp_path, {"shop.test": site(files, otherwise)}).outcome
    assert (type(outcome), outcome.code) == (kind, code)


def test_a_domain_that_does_not_exist_is_retried(engine: Engine, sitemap_id: int, tmp_path: Path) -> None:
    outcome = scan(engine, sitemap_id, tmp_path, {"other.test": site({})}).outcome
    assert (type(outcome), outcome.code) == (Retry, "dns")


def test_a_second_scan_updates_facts_and_keeps_decisions(
    engine: Engine, connection: Connection, sitemap_id: int, tmp_path: Path
) -> None:
    scan(engine, sitemap_id, tmp_path, {"shop.test": site({"/sitemap.xml": urlset("/a")})})
    connection.execute(text("UPDATE sitemap_files SET curation_status = 'Selected'"))
    again = scan(engine, sitemap_id, tmp_path, {"shop.test": site({"/sitemap.xml": urlset("/a", "/b")})})
    row = again.files["/sitemap.xml"]
    assert (row.url_count, row.curation_status, len(again.files)) == (2, "Selected", 1)


def test_the_urls_tried_are_part_of_the_records_timeline(
    engine: Engine, connection: Connection, sitemap_id: int, tmp_path: Path
) -> None:
    scan(engine, sitemap_id, tmp_path, {"shop.test": site({"/sitemap.xml": urlset("/a", "/b")})})
    explained = explain(connection, DISCOVERY, RecordId(sitemap_id))
    assert explained is not None
    assert "  sitemap            https://shop.test/sitemap.xml (common_path, urlset, 2 urls)" in as_text(explained)
    assert "  http_404           https://shop.test/sitemap_index.xml (common_path)" in as_text(explained)
