"""The pipeline on real websites: its pages are those of an independent reading of the same files."""

from pathlib import Path

import pytest
from sqlalchemy import select

from scrapersky.models import Domain, Page
from scrapersky.web.hosts import normalise_host
from tests.e2e import truth
from tests.e2e.conftest import Running

pytestmark = pytest.mark.timeout(900)

ENOUGH = 0.98


def pages_of(running: Running, domain: str, *, linked: bool = True) -> frozenset[str]:
    """Return the urls of the domain's pages, with or without the contact pages that its home page links to."""
    found = select(Page.url).join(Domain, Domain.id == Page.domain_id).where(Domain.domain == normalise_host(domain))
    if not linked:
        found = found.where(Page.lead_source.is_distinct_from("home_page_link"))
    with running.engine.connect() as connection:
        return frozenset(connection.execute(found).scalars())


def test_every_record_ends_and_every_error_has_a_code_and_a_reason(running: Running) -> None:
    assert running.quiet
    for workflow, statuses in running.report["workflows"].items():
        assert (workflow, statuses["Queued"], statuses["Processing"]) == (workflow, 0, 0)
    for site in running.report["domains"]:
        if "Error" in site["statuses"].values():
            _, code, reason = site["error"].split(": ", 2)
            assert code.strip(), site
            assert len(reason) > len("a reason"), site


def test_the_pages_of_every_reachable_sitemap_are_found(running: Running, corpus: Path) -> None:
    expected = found = 0
    differing = {}
    for site in truth.read(corpus):
        pages = pages_of(running, site.domain)
        expected += len(site.reachable)
        found += len(site.reachable & pages)
        if missing := site.reachable - pages:
            differing[site.domain] = sorted(missing)[:3]
    assert found >= ENOUGH * expected, f"{found} of {expected}; missing for example: {differing}"
    assert not differing


def test_every_page_is_listed_in_a_sitemap(running: Running, corpus: Path) -> None:
    unlisted = {
        site.domain: sorted(surplus)[:5]
        for site in truth.read(corpus)
        if (surplus := pages_of(running, site.domain, linked=False) - site.listed)
    }
    assert unlisted == {}
