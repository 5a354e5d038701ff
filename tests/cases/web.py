"""Runners of the cases about what websites and APIs answer: pages, sitemaps and dates."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scrapersky.models import Place
from scrapersky.web.sitemaps import SitemapRefused
from scrapersky.web.sitemaps.dates import parse_lastmod
from scripts.commands.run.internet.website import Answer, Request
from sitemap_scheduler.deep_scan import deep_scan_place
from tests import jobs
from tests.hostile.running import run_job
from tests.hostile.server import raw
from tests.unit.sitemaps.reading import read


def page(given: dict[str, Any], expected: dict[str, Any], request: pytest.FixtureRequest) -> object:
    """Return code and final URL of the metadata job against a server that sends exactly these bytes."""
    sites = {"shop.example": {path: raw(sent.encode("latin-1")) for path, sent in given["raw"].items()}}
    result = run_job("metadata", sites, request.getfixturevalue("tmp_path"))
    found = {"code": result.code, "final_url": result.detail.get("final_url")}
    return {name: found[name] for name in expected}


def _read(given: dict[str, Any]) -> Any:
    return read(given["body"], url=given.get("url", "https://shop.example.com/sitemap.xml"))


def sitemap(given: dict[str, Any], expected: object, request: pytest.FixtureRequest) -> object:
    """Return the URLs that a sitemap lists, or the code with which it is refused."""
    try:
        return _read(given).urls
    except SitemapRefused as refused:
        return refused.code


def sitemap_kind(given: dict[str, Any], expected: object, request: pytest.FixtureRequest) -> object:
    """Return the kind of a sitemap."""
    return str(_read(given).reader.kind)


def lastmod(given: dict[str, Any], expected: object, request: pytest.FixtureRequest) -> object:
    """Return a date as ISO time in UTC, or None."""
    parsed = parse_lastmod(given["text"])
    return parsed and parsed.isoformat()


def places(given: dict[str, Any], expected: object, request: pytest.FixtureRequest) -> object:
    """Return the type of the outcome of a place for which Google's front end answers 404 with HTML."""

    def front_end(_: Request) -> Answer:
        return Answer(404, b"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>", {"Content-Type": "text/html"})

    directory: Path = request.getfixturevalue("tmp_path")
    record = Place(id=1, place_id=given["place_id"], tenant="default")
    website = {"places.googleapis.com": jobs.Answers(front_end)}
    key = {"places": "AIzaTestKey-0123456789"}
    return type(jobs.run_job(deep_scan_place, record, website, directory, secrets=key, places_secret="places")).__name__


RUNNERS: dict[str, Callable[[dict[str, Any], Any, pytest.FixtureRequest], object]] = {
    "page": page, "sitemap": sitemap, "sitemap_kind": sitemap_kind, "lastmod": lastmod, "places": places,
}  # fmt: skip
