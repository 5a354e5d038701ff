"""Sitemap files: the URLs that are read, one row per format."""

from collections.abc import Iterable, Sequence
from typing import Any

from scrapersky.web.sitemaps import SitemapReader, SitemapRefused
from scrapersky.web.sitemaps.entry import page_url
from tests.agreement.corpus import Corpus, true_locs
from tests.agreement.score import Table

NO_SITEMAP = {"html": "not_xml", "unreadable": "not_xml", "other:site": "not_a_sitemap"}
"""Kinds of files that must be refused, and the expected code."""

ELSEWHERE = "https://example.com/maps/sitemap.xml"
"""The assumed URL of files without a site."""


def compare(corpus: Corpus) -> Table:
    """Compare the sitemap files: one row per format for the files with exactly the right URLs, one row for all URLs."""
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


def read(body: bytes, url: str) -> tuple[Sequence[str], str]:
    """Return the URLs in ``body`` in their order, and its kind; or no URLs and the code of the refusal."""
    reader = SitemapReader(url)
    try:
        found = [entry.url for entry in (*reader.feed(body), *reader.close())]
    except SitemapRefused as refused:
        return [], refused.code
    return found, str(reader.kind)


def _compare(table: Table, file: dict[str, Any], where: str, body: bytes, url: str, locs: list[str] | None) -> None:
    """Compare one file. ``locs`` are the true URLs, or None where only their number is known."""
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
        f"{len(found)} URLs, not {true_number}",
    )
    table["all URLs"].agreed += min(len(found), true_number)
    for _ in range(abs(len(found) - true_number)):
        table["all URLs"].count(False, where, "one URL too many or too few")


def _format(file: dict[str, Any]) -> str:
    packed = ", gzip" if file.get("gz") else ""
    broken = ", broken" if file.get("strict_error") else ""
    kind = {"txt": "text", "other:br": "urlset behind a PHP warning"}.get(file["kind"], file["kind"])
    return f"{kind}{packed}{broken}"


def _urls(locs: Iterable[str], url: str) -> set[str | None]:
    return {page_url(loc, url) for loc in locs}
