"""The result of trying one URL as a sitemap."""

from dataclasses import replace

import pytest

from scrapersky.errors import FetchPostponed, FetchRefused
from scrapersky.vocabulary import DiscoveryMethod
from scrapersky.web.fetched import http_error
from scrapersky.web.sitemaps import SitemapRefused
from scrapersky.web.urls import NormalUrl
from sitemap_scheduler.finding import NOT_TRIED, SITEMAP, Finding

DECLARED = Finding(NormalUrl("https://shop.test/s.xml"), DiscoveryMethod.ROBOTS_TXT, NOT_TRIED)


@pytest.mark.parametrize(
    ("finding", "valid"),
    [
        (replace(DECLARED, result=SITEMAP), True),
        (DECLARED.failed(SitemapRefused("not_xml", "why")), False),
        (DECLARED.failed(http_error(404, "why")), False),
        (DECLARED.failed(http_error(503, "why")), None),
        (DECLARED, None),
        (DECLARED.failed(FetchPostponed("host_busy", "why")), None),
        (DECLARED.failed(FetchPostponed("host_cooldown", "why")), None),
        (DECLARED.failed(FetchRefused("budget_of_the_record", "why")), None),
    ],
    ids=lambda value: value.result if isinstance(value, Finding) else None,
)
def test_a_file_that_was_not_requested_is_neither_valid_nor_invalid(finding: Finding, valid: bool | None) -> None:
    assert finding.is_valid is valid
    assert finding.is_kept
