"""The small internet, requested with the project's own web client."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest

from scrapersky.politeness.limiter import HostLimiter
from scrapersky.settings import Settings
from scrapersky.web.client import FetchError, WebClient
from scrapersky.web.fetched import Fetched
from scripts.commands.run.internet import corpus, places, shipped
from scripts.commands.run.internet.places import PlacesApi
from scripts.commands.run.internet.server import Internet
from scripts.commands.run.internet.website import Request

SITES = shipped.read()
KEY = "a-key"
Get = Callable[..., Fetched]


def getter(internet: Internet) -> Get:
    settings = Settings(web_loopback_internet=internet.file)

    def get(url: str, **options: Any) -> Fetched:
        async def once() -> Fetched:
            async with WebClient(settings, HostLimiter(settings)) as web:
                return await web.get(url, **options)

        return run(once())

    return get


def run(work: Coroutine[Any, Any, Fetched]) -> Fetched:
    return asyncio.run(work)


@pytest.fixture(scope="module")
def get(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Get]:
    websites = shipped.websites(SITES)
    websites[places.HOST] = PlacesApi(places.known(map(places.of_shipped, SITES)), KEY)
    directory = tmp_path_factory.mktemp("internet") / "with spaces"
    with Internet.start(websites, directory, without_https=shipped.without_https(SITES)) as internet:
        yield getter(internet)


def test_at_least_eight_different_sites_are_shipped() -> None:
    assert len(SITES) >= 8
    assert len({site.manifest.what for site in SITES}) == len(SITES)


def listed(site: shipped.ShippedSite) -> set[str]:
    sitemaps = [*site.folder.glob("*.xml"), *site.folder.glob("sitemap.txt")]
    urls = (
        f"{one}{other}"
        for file in sitemaps
        for one, other in shipped.LISTED.findall(file.read_text("utf-8", "replace"))
    )
    return {url.strip() for url in urls if not url.strip().endswith(".xml")}


@pytest.mark.parametrize("site", [site for site in SITES if listed(site)], ids=lambda site: site.name)
def test_every_page_that_a_shipped_sitemap_lists_exists_unless_it_is_declared_missing(
    site: shipped.ShippedSite,
) -> None:
    website = shipped.websites([replace(site, manifest=site.manifest.model_copy(update={"busy": 0}))])[site.host]
    for url in map(urlsplit, listed(site)):
        headers = {"Host": site.host}
        path = quote(unquote(url.path))
        answer = website.answer(Request("GET", url.scheme, site.host, path, headers))
        if answer.status == 301:
            answer = website.answer(Request("GET", url.scheme, site.host, answer.headers["Location"], headers))
        assert answer.status == (404 if url.path in site.manifest.missing else 200), url.geturl()


def test_a_page_that_no_sitemap_lists_and_no_file_holds_is_not_found(get: Get) -> None:
    assert get("https://harbour-dental.example/nowhere").status == 404
    assert get("https://harbour-dental.example/gone-sitemap.xml").status == 404
    assert get("https://plumbing-pros.example/contact/").status == 404


def test_a_page_is_served_under_its_name_without_html(get: Get) -> None:
    assert b"HRB 123456" in get("https://xn--geigenbau-mller-9vb.example/impressum").body


def test_a_page_is_served_over_https_under_the_sites_own_host_name(get: Get) -> None:
    page = get("https://bright-oven-bakery.example/")
    assert (page.status, page.url) == (200, "https://bright-oven-bakery.example/")
    assert page.headers["content-type"] == "text/html"
    assert b"Bread with a bright crust" in page.body


def test_www_redirects_to_the_bare_name_and_a_moved_site_to_its_new_one(get: Get) -> None:
    assert get("https://www.bright-oven-bakery.example/bread/").url == "https://bright-oven-bakery.example/bread/"
    moved = get("http://swift-movers.example/")
    assert moved.url == "https://www.swift-movers.example/"
    assert moved.status == 200


def test_an_unlisted_host_name_does_not_resolve(get: Get) -> None:
    with pytest.raises(FetchError) as caught:
        get("https://vanished-hotel.example/")
    assert caught.value.code == "dns"


def test_a_site_without_https_refuses_the_handshake_and_answers_http(get: Get) -> None:
    with pytest.raises(FetchError) as caught:
        get("https://old-print-shop.example/")
    assert caught.value.code in {"tls", "reset", "connect"}
    assert get("http://old-print-shop.example/").status == 200


def test_a_missing_file_is_404_and_a_soft_404_is_200(get: Get) -> None:
    assert get("https://riverside-cafe.example/sitemap.xml").status == 404
    soft = get("https://stained-glass-studio.example/sitemap.xml")
    assert (soft.status, soft.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_a_gzipped_sitemap_is_a_file_without_content_encoding(get: Get) -> None:
    packed = get("https://granite-tools.example/sitemap.xml.gz")
    assert packed.headers["content-type"] == "application/gzip"
    assert "content-encoding" not in packed.headers
    assert packed.body[:2] == b"\x1f\x8b"


def test_robots_txt_is_served_and_obeyed(get: Get) -> None:
    with pytest.raises(FetchError) as caught:
        get("https://private-club.example/")
    assert caught.value.code == "robots_disallowed"


def test_an_unchanged_file_is_answered_without_its_body(get: Get) -> None:
    url = "https://bright-oven-bakery.example/sitemap.xml"
    first = get(url)
    assert get(url, headers={"If-None-Match": first.headers["etag"]}).status == 304


def test_nothing_outside_a_sites_folder_is_served(get: Get) -> None:
    assert get("https://bright-oven-bakery.example/..%2fother-places.json").status == 404
    assert get("https://bright-oven-bakery.example/site.json").status == 404


def test_a_cut_answer_ends_in_the_middle(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("x" * 100_000)
    manifest = shipped.Manifest(what="cut", place={}, cut={"/long.txt": 70_000})
    site = shipped.ShippedSite("cut.example", tmp_path, manifest)
    with Internet.start(shipped.websites([site]), tmp_path / "internet") as internet:
        page = getter(internet)("http://cut.example/long.txt")
    assert page.truncated
    assert len(page.body) <= 70_000


# --- a folder in the corpus layout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [
        {"domain": "www.shop.test", "dir": "shop", "base_path": "", "pages": [{"url": "/contact", "file": "c.html"}]},
        {"domain": "pages.test", "dir": "one", "base_path": "/one"},
        {"domain": "pages.test", "dir": "two", "base_path": "/two"},
    ]
    (tmp_path / "sites.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    for file in ("shop/index.html", "shop/c.html", "shop/deep/index.html", "one/index.html", "two/sitemap.xml"):
        path = tmp_path / "sites" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file)
    return tmp_path


def test_a_corpus_is_served_under_its_own_names_and_base_paths(folder: Path, tmp_path: Path) -> None:
    sites = corpus.read(folder)
    with Internet.start(corpus.websites(folder, sites), tmp_path / "internet") as internet:
        get = getter(internet)
        assert get("https://www.shop.test/").body == b"shop/index.html"
        assert get("https://www.shop.test/contact").body == b"shop/c.html"
        assert get("https://www.shop.test/deep").url == "https://www.shop.test/deep/"
        assert get("https://shop.test/deep/?a=b").url == "https://www.shop.test/deep/?a=b"
        assert get("https://pages.test/").url == "https://pages.test/one/"
        assert get("https://pages.test/two/sitemap.xml").body == b"two/sitemap.xml"
        assert get("https://pages.test/robots.txt").status == 404


def test_a_folder_without_sites_jsonl_is_rejected_with_the_layout(tmp_path: Path) -> None:
    with pytest.raises(corpus.CorpusError, match=r"sites\.jsonl: No such file.*--sites needs a folder"):
        corpus.read(tmp_path)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('{"domain": "a.test"}', 'field "dir": it is missing; the name of a folder below sites/ is valid'),
        ('{"domain": 1, "dir": "one"}', 'field "domain": it is 1; a host name, such as "shop.example" is valid'),
        (
            '{"domain": "a b", "dir": "one"}',
            'field "domain": it is "a b"; a host name, such as "shop.example" is valid',
        ),
        (
            '{"domain": "a.test", "dir": "none"}',
            "sites/none is not a folder; the name of a folder below sites/ is valid",
        ),
        ('{"domain": "a.test", "dir": "one", "base_path": "x"}', 'field "base_path": it is "x"; empty, or a path that'),
        ('{"domain": "a.test", "dir": "one", "pages": [{}]}', 'field "pages.0.url": it is missing; a list of objects'),
        ('{"domain": "a.test",', "line 1, column 21: not valid JSON"),
        ('["a.test"]', 'line 1: not a JSON object; {"domain": "shop.example", "dir": "shop"} is valid'),
        ("", "has no line: write one per site"),
    ],
)
def test_an_invalid_line_is_rejected_with_its_number_its_field_and_what_is_valid(
    folder: Path, line: str, error: str
) -> None:
    (folder / "sites.jsonl").write_text(line)
    with pytest.raises(corpus.CorpusError) as caught:
        corpus.read(folder)
    assert error in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_a_site_listed_twice_is_rejected_with_both_lines(folder: Path) -> None:
    with (folder / "sites.jsonl").open("a") as listing:
        listing.write('\n\n{"domain": "PAGES.test", "dir": "one", "base_path": "/one/"}\n')
    with pytest.raises(corpus.CorpusError, match=r"line 5: https://pages\.test/one/ is already in line 2"):
        corpus.read(folder)


def test_a_list_with_a_byte_order_mark_and_crlf_is_read(folder: Path) -> None:
    lines = ['{"domain": "a.test.", "dir": "one", "title": "one\u2028two"}', '{"domain": "bücher.test", "dir": "two"}']
    (folder / "sites.jsonl").write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    assert [site.url for site in corpus.read(folder)] == ["https://a.test/", "https://xn--bcher-kva.test/"]


# --- the fake Places API


def places_answer(get: Get, place_id: str, mask: str = "id", key: str = KEY) -> tuple[int, Any]:
    headers = {"X-Goog-Api-Key": key} | ({"X-Goog-FieldMask": mask} if mask else {})
    answer = get(f"https://{places.HOST}/v1/places/{place_id}", headers=headers, robots=False)
    return answer.status, json.loads(answer.body)


def test_places_answers_with_the_fields_of_the_mask_that_the_place_has(get: Get) -> None:
    place_id = places.place_id("bright-oven-bakery.example")
    status, place = places_answer(get, place_id, "id,websiteUri,displayName.text,movedPlaceId")
    assert (status, place) == (
        200,
        {
            "id": place_id,
            "websiteUri": "https://bright-oven-bakery.example/",
            "displayName": {"text": "Bright Oven Bakery"},
        },
    )


@pytest.mark.parametrize(
    ("place_id", "options", "status", "word"),
    [
        ("ChIJunknown", {}, 400, "INVALID_ARGUMENT"),
        ("ChIJerror_not_found", {}, 404, "NOT_FOUND"),
        ("ChIJerror_denied", {}, 403, "PERMISSION_DENIED"),
        ("ChIJerror_quota_day", {}, 429, "RESOURCE_EXHAUSTED"),
        ("ChIJerror_unavailable", {}, 503, "UNAVAILABLE"),
        ("ChIJunknown", {"mask": ""}, 400, "INVALID_ARGUMENT"),
        ("ChIJunknown", {"mask": "id,phone"}, 400, "INVALID_ARGUMENT"),
        ("ChIJunknown", {"key": "wrong"}, 400, "INVALID_ARGUMENT"),
    ],
)
def test_places_answers_errors_as_documented(
    get: Get, place_id: str, options: dict[str, str], status: int, word: str
) -> None:
    got, body = places_answer(get, place_id, **options)
    assert (got, body["error"]["code"], body["error"]["status"]) == (status, status, word)
