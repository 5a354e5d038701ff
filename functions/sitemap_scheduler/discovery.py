"""Discovery: finds the sitemap files of a domain, and keeps a report of everything that was tried."""

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from scrapersky.models import DiscoveryMethod, Sitemap
from scrapersky.service.classification import Kind, kind_of, outcome_of
from scrapersky.service.context import JobContext
from scrapersky.service.outcomes import Done, Fail, Outcome, Retry
from scrapersky.web.client import Fetched
from scrapersky.web.errors import FetchError
from scrapersky.web.home_page import fetch_home_page
from sitemap_scheduler.found_files import note
from sitemap_scheduler.page_links import sitemap_links
from sitemap_scheduler.scan import Scan
from sitemap_scheduler.well_known import siblings_of, well_known_urls

BLOCKED = frozenset({"http_401", "http_403", "http_407", "http_429", "http_451", "robots_disallowed"})
"""Results that mean: we are not wanted here."""


async def discover_sitemaps(record: Sitemap, ctx: JobContext) -> Outcome:
    """Looks where SPEC §3.3 says: robots.txt, the well-known paths, links in the home page, children of indexes.

    Done with ``found``, ``found_partly`` (a cap or the time ended the scan) or ``no_sitemaps``. Fails with the site's own
    code when everything is closed to us, is retried when nothing answers: "no sitemaps" is only said of a site that was seen.
    """
    host = record.domain.domain
    scan = Scan(ctx)
    home, failure = await _home_of(host, ctx)
    start = home.url if home and _is_same_site(home.url, host) else f"https://{host}/"
    if home is not None or failure is None or failure.code == "robots_disallowed":
        try:
            robots = await ctx.web.robots(start)
        except FetchError as shut:
            failure = failure or shut
        else:
            await scan.look_at(robots.sitemaps, DiscoveryMethod.ROBOTS_TXT, parent_url=urljoin(start, "/robots.txt"))
            await scan.look_at(well_known_urls(start), DiscoveryMethod.COMMON_PATH)
            await _look_at_siblings(scan)
            if home is not None and home.status < 400:
                await scan.look_at(sitemap_links(home), DiscoveryMethod.HTML_LINK, parent_url=home.url)
    return _outcome(record, ctx, scan, failure)


async def _home_of(host: str, ctx: JobContext) -> tuple[Fetched | None, FetchError | None]:
    try:
        page = await fetch_home_page(
            ctx.web, host, seconds_each=ctx.settings.web_request_deadline_seconds, remaining=ctx.remaining
        )
    except FetchError as failure:
        return None, failure
    return page, None


async def _look_at_siblings(scan: Scan) -> None:
    """Goes on from guessed names to the next number, as long as there is one."""
    seen: set[str] = set()
    while guessed := [
        found.url for found in scan.sitemaps if found.method is DiscoveryMethod.COMMON_PATH and found.url not in seen
    ]:
        seen.update(guessed)
        await scan.look_at(siblings_of(guessed), DiscoveryMethod.COMMON_PATH)


def _is_same_site(url: str, host: str) -> bool:
    """Whether a redirect stayed with the domain; a parked name that sends visitors elsewhere lends us no sitemaps."""
    name = (urlsplit(url).hostname or "").removeprefix("www.")
    return name == host or name.endswith(f".{host}")


def _outcome(record: Sitemap, ctx: JobContext, scan: Scan, failure: FetchError | None) -> Outcome:
    write = note(record, scan)
    detail = {"tried": len(scan.findings), "sitemaps": len(scan.sitemaps), "cut": scan.cut}
    if scan.sitemaps:
        return Done("found_partly" if scan.cut else "found", write=write, detail=detail)
    if failure is None:
        failure = _refusal_of_all(scan) or _hope_for_a_named_one(scan)
    if failure is None:
        return Done("no_sitemaps", write=write, detail=detail)
    outcome = outcome_of(failure, ctx.settings)
    return replace(outcome, write=write, detail=detail) if isinstance(outcome, Fail | Retry) else outcome


def _refusal_of_all(scan: Scan) -> FetchError | None:
    """The reason, when every url that was tried was refused to us."""
    results: Sequence[str] = [finding.result for finding in scan.findings]
    if not results or not BLOCKED.issuperset(results):
        return None
    code = max(set(results), key=results.count)
    return FetchError(code, f"all {len(results)} urls tried were refused ({code})")


def _hope_for_a_named_one(scan: Scan) -> FetchError | None:
    """The trouble with a sitemap that the site itself names, if it may pass."""
    for finding in scan.findings:
        if finding.worth_keeping and finding.result not in BLOCKED and _may_pass(finding.result):
            return FetchError(finding.result, f"{finding.url} is named as a sitemap, but: {finding.reason}")
    return None


def _may_pass(code: str) -> bool:
    try:
        return kind_of(code) is Kind.TRANSIENT
    except KeyError:
        return False
