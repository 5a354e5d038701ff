"""Sitemap files: the urls that we read beside those that are truly in them, a row a format."""

from collections.abc import Iterable
from typing import Any

from scrapersky.web.sitemaps import SitemapReader, SitemapRefused
from scrapersky.web.sitemaps.entry import page_url
from tests.agreement.corpus import Corpus, true_locs
from tests.agreement.score import Table

NO_SITEMAP = {"html": "not_xml", "unreadable": "not_xml", "other:site": "not_a_sitemap"}
"""Kinds of files that must be refused, and the code that they are refused with."""

ELSEWHERE = "https://example.com/maps/sitemap.xml"
"""Where the files without a site are taken to be from."""


def compare(corpus: Corpus) -> Table:
    """A row a format: files whose urls are all there and no others; and one for all urls together."""
    table = Table("Sitemap files, by format")
    for site in corpus.sites():
        for file in site["sitemaps"]:
            where = f"{site['domain']}/{file['path']}"
            locs = [loc.partition("</loc>")[0] for loc in true_locs(corpus, site["domain"]).get(file["path"], [])]
            body = corpus.read("sites", site["dir"], file["path"])
            _compare(table, file, where, body, file["url"], locs if file["kind"] != "other:br" else None)
    for file in corpus.extra_sitemaps():
        _compare(table, file, file["file"], corpus.read("sitemaps_extra", file["file"]), ELSEWHERE, None)
    return table


def read(body: bytes, url: str) -> tuple[list[str], str]:
    """The urls in ``body``, in its order, and its kind; or the code that it is refused with."""
    reader = SitemapReader(url)
    try:
        found = [entry.url for entry in (*reader.feed(body), *reader.close())]
    except SitemapRefused as refused:
        return [], refused.code
    return found, str(reader.kind)


def _compare(table: Table, file: dict[str, Any], where: str, body: bytes, url: str, locs: list[str] | None) -> None:
    """``locs`` are the true ones, where more is known than their number."""
    found, kind = read(body, url)
    if file["kind"] in NO_SITEMAP:
        table["no sitemap, refused"].count(kind == NO_SITEMAP[file["kind"]] and not found, where, kind)
        return
    name = _format(file)
    true_number = file.get("n_loc_regex") if file["kind"] in ("urlset", "index", "other:br") else None
    if true_number is None:
        true_number = len(locs) if locs is not None else file["n_loc_lxml_recover"]
    first = [page_url(loc, url) for loc in file.get("first") or ()]
    table[name].count(
        len(found) == true_number and (locs is None or set(found) == _urls(locs, url)) and found[: len(first)] == first,
        where,
        f"{len(found)} urls, not {true_number}",
    )
    table["all urls"].right += min(len(found), true_number)
    for _ in range(abs(len(found) - true_number)):
        table["all urls"].count(False, where, "a url too many or too few")


def _format(file: dict[str, Any]) -> str:
    packed = ", gzip" if file.get("gz") else ""
    broken = ", broken" if file.get("strict_error") else ""
    kind = {"txt": "text", "other:br": "urlset behind a PHP warning"}.get(file["kind"], file["kind"])
    return f"{kind}{packed}{broken}"


def _urls(locs: Iterable[str], url: str) -> set[str | None]:
    return {page_url(loc, url) for loc in locs}
