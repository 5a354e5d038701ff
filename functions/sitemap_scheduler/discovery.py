"""Discovery: finds the sitemap files of a domain, and keeps a report of everything that was tried."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from scrapersky.errors import FetchError, FetchFailed, Permanent, WorkError
from scrapersky.models import DiscoveryMethod, Sitemap
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Fail, Outcome, Retry, outcome_of
from scrapersky.web.client import fetch_home_page
from scrapersky.web.fetched import Fetched
from sitemap_scheduler.finding import KEPT_FROM_ASKING, NOT_TRIED
from sitemap_scheduler.found_files import note
from sitemap_scheduler.page_links import sitemap_hints, sitemap_links
from sitemap_scheduler.scan import Scan
from sitemap_scheduler.visits import Visits
from sitemap_scheduler.well_known import siblings_of, well_known_urls

BLOCKED = frozenset({"http_401", "http_403", "http_407", "http_429", "http_451", "robots_disallowed"})
"""Results that mean: we are not wanted here."""


OF_THE_HOME_PAGE_ALONE = frozenset({"robots_disallowed", "too_many_redirects", "bad_redirect", "bad_response"})
"""What keeps us from a home page and may not keep us from sitemaps: a circle of redirects, an unwanted encoding."""


async def discover_sitemaps(record: Sitemap, ctx: JobContext) -> Outcome:
    """Looks where SPEC §3.3 says: robots.txt, links in the home page, the well-known paths, children of indexes.

    What the site itself names is always read, and the most usual paths are always tried; the others in rounds, until a
    sitemap with pages in it is found. A site that shows none is asked ``DISCOVERY_MAX_REQUESTS_FOR_NOTHING`` times.
    Done with ``found``, ``found_partly`` (a cap or the time ended the scan) or ``no_sitemaps``. Fails with the site's own
    code when everything is closed to us, is retried when nothing answers: "no sitemaps" is only said of a site that was seen.
    """
    visits = Visits()
    scan = Scan(ctx, visits)
    failure: FetchError | None = None
    async with scan.within_time():
        failure = await _search(record.domain.domain, ctx, scan, visits)
    return _outcome(record, ctx, scan, visits, failure)


async def _search(host: str, ctx: JobContext, scan: Scan, visits: Visits) -> FetchError | None:
    """Tries everything; returns what kept us from the site itself, if anything did."""
    home, failure = await _home_of(host, ctx, visits)
    if failure is not None and failure.code not in OF_THE_HOME_PAGE_ALONE:
        return failure
    start = home.url if home and _is_same_site(home.url, host) else f"https://{host}/"
    scan.own_origin = urljoin(start, "/")[:-1] if home else None
    links = sitemap_links(home) if home and home.status < 400 else []
    if home is not None:
        scan.pages |= {home.url, *home.redirects}
        visits.read(home.url, DiscoveryMethod.HTML_LINK, home.status, len(links), requests=1 + len(home.redirects))
    rules = urljoin(start, "/robots.txt")
    try:
        robots = await ctx.web.robots(start)
    except FetchError as shut:
        visits.failed(rules, DiscoveryMethod.ROBOTS_TXT, shut)
        return failure or shut
    visits.read(rules, DiscoveryMethod.ROBOTS_TXT, robots.status, len(robots.sitemaps), requests=robots.requests)
    await scan.look_at(robots.sitemaps, DiscoveryMethod.ROBOTS_TXT, parent_url=rules)
    if home is not None and links:
        await scan.look_at(links, DiscoveryMethod.HTML_LINK, parent_url=home.url)
    for urls in well_known_urls(start):
        await scan.look_at(urls, DiscoveryMethod.COMMON_PATH)
        await _look_at_siblings(scan)
        if scan.found:
            return failure
    if home is not None and home.status < 400:
        await scan.look_at(sitemap_hints(home), DiscoveryMethod.HTML_LINK, parent_url=home.url, hint=True)
    return failure


async def _home_of(host: str, ctx: JobContext, visits: Visits) -> tuple[Fetched | None, FetchError | None]:
    seconds = ctx.settings.web_request_deadline_seconds
    try:
        return await fetch_home_page(ctx.web, host, seconds_each=seconds, remaining=ctx.remaining), None
    except FetchError as failure:
        redirects = ctx.settings.web_max_redirects if "redirect" in failure.code else 0
        visits.failed(f"https://{host}/", DiscoveryMethod.HTML_LINK, failure, requests=1 + redirects)
        return None, failure


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


def _outcome(record: Sitemap, ctx: JobContext, scan: Scan, visits: Visits, failure: WorkError | None) -> Outcome:
    write = note(record, scan, visits)
    requests = visits.requests + scan.requests
    detail = {"tried": len(scan.findings), "sitemaps": len(scan.sitemaps), "requests": requests, "cut": scan.cut}
    if scan.sitemaps:
        return Done("found_partly" if scan.cut else "found", write=write, detail=detail)
    if scan.cut == "time" and not visits.rows:
        failure = FetchFailed("timeout", f"{record.domain.domain} did not answer in the time there was")
    failure = failure or _told_to_wait(scan) or _refusal_of_all(scan) or _trouble_that_may_pass(scan)
    if failure is None and scan.cut == "budget":
        failure = Permanent("budget_of_the_record", "no sitemap was found with the paid calls that one record may make")
    if failure is None and scan.cut == "time":
        reason = f"no sitemap among the {len(scan.findings)} urls that the record's time was enough for"
        return Retry("deadline", reason, write=write, detail=detail)
    if failure is None:
        return Done("no_sitemaps", write=write, detail=detail)
    outcome = outcome_of(failure, ctx.settings)
    return replace(outcome, write=write, detail=detail) if isinstance(outcome, Fail | Retry) else outcome


def _told_to_wait(scan: Scan) -> WorkError | None:
    """The answer that kept us from asking on, ours before another worker's: only an own one counts as a failure."""
    waits = [(finding.url, finding.error) for finding in scan.findings if finding.error and _is_wait(finding.error)]
    if scan.cut != "host" or not waits:
        return None
    url, error = min(waits, key=lambda wait: wait[1].code in KEPT_FROM_ASKING)
    return error.with_reason(f"{url}: {error.reason}")


def _is_wait(error: WorkError) -> bool:
    return error.retry_after is not None


def _refusal_of_all(scan: Scan) -> WorkError | None:
    """The reason, when every url that was tried was refused to us."""
    tried = [finding for finding in scan.findings if finding.result != NOT_TRIED]
    errors = [finding.error for finding in tried if finding.error and finding.result in BLOCKED]
    if not tried or len(errors) < len(tried):
        return None
    error = _most_common(errors)
    return type(error)(error.code, f"all {len(errors)} urls tried were refused ({error.code})")


def _trouble_that_may_pass(scan: Scan) -> WorkError | None:
    """The trouble with a sitemap that the site itself names, or with most of all that was tried, if it may pass."""
    errors = []
    for finding in scan.findings:
        if finding.error is not None and finding.may_pass and finding.result not in BLOCKED:
            if finding.worth_keeping:
                reason = f"{finding.url} is named as a sitemap, but: {finding.reason}"
                return type(finding.error)(finding.result, reason)
            errors.append(finding.error)
    if 2 * len(errors) <= len(scan.findings):
        return None
    error = _most_common(errors)
    reason = f"{len(errors)} of {len(scan.findings)} urls tried gave no answer to go by ({error.code})"
    return type(error)(error.code, reason)


def _most_common(errors: Sequence[WorkError]) -> WorkError:
    """Return the first error of the most frequent code."""
    code = Counter(error.code for error in errors).most_common(1)[0][0]
    return next(error for error in errors if error.code == code)
