"""Discovery: find the sitemap files of a domain, and keep a report of every URL that was tried."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from scrapersky.errors import FetchError, FetchFailed, Permanent, Transient, WorkError
from scrapersky.models import Sitemap
from scrapersky.runtime.context import JobContext
from scrapersky.runtime.outcomes import Done, Fail, Outcome, Retry, outcome_of
from scrapersky.vocabulary import DiscoveryMethod
from scrapersky.web.client import Robots, fetch_home_page
from scrapersky.web.fetched import Fetched
from scrapersky.web.urls import NormalUrl
from sitemap_scheduler.candidates import next_parts, well_known_urls
from sitemap_scheduler.finding import NOT_REQUESTED, NOT_TRIED
from sitemap_scheduler.saving import save_scan
from sitemap_scheduler.scan import Scan

BLOCKED = frozenset({"http_401", "http_403", "http_407", "http_429", "http_451", "robots_disallowed"})
"""Codes by which a site refuses our requests."""

HOME_PAGE_ONLY = frozenset(
    str.split("bad_redirect bad_response blocked_address reset robots_disallowed timeout too_large too_many_redirects")
)
"""Codes that make the home page unusable but not necessarily its sitemaps: a redirect loop, an unsupported encoding.

robots.txt is read before the home page, so that a server which answers nothing fails with other codes.
"""

NO_LINKS: Mapping[str, Sequence[NormalUrl]] = {"named": [], "labelled": []}


async def discover_sitemaps(record: Sitemap, ctx: JobContext) -> Outcome:
    """Search robots.txt, links in the home page, well-known paths and the children of indexes.

    URLs that the site declares are always tried, and so are the most usual paths; other paths follow in rounds until a
    sitemap with pages is found. A site without sitemaps costs at most ``DISCOVERY_MAX_REQUESTS_FOR_NOTHING`` requests.

    Done with ``found``, ``found_partly`` (a limit ended the scan) or ``no_sitemaps``, which is only the outcome for a
    site that answered. Fails with the site's own code if every URL is refused; retries if nothing answers.
    """
    scan = Scan(ctx)
    error: FetchError | None = None
    async with scan.within_time():
        error = await _search(record.domain.domain, ctx, scan)
    return _outcome(record, ctx, scan, error)


async def _search(host: str, ctx: JobContext, scan: Scan) -> FetchError | None:
    """Try everything; return the error that prevented access to the site itself, if any."""
    home, error = await _home_page(host, ctx, scan)
    if error is not None and error.code not in HOME_PAGE_ONLY:
        return error
    links = await _links(home, ctx) if home and home.status < 400 else NO_LINKS
    if home is not None:
        scan.not_sitemaps |= {home.url, *home.redirects}
        requests = 1 + len(home.redirects)
        scan.page_answered(
            home.url, DiscoveryMethod.HTML_LINK, home.status, sitemaps=len(links["named"]), requests=requests
        )
    try:
        start, robots = await _rules(home, host, ctx, scan)
    except FetchError as robots_error:
        return error or robots_error
    scan.own_origin = urljoin(start, "/")[:-1]
    rules_url = urljoin(start, "/robots.txt")
    await scan.try_urls(robots.sitemaps, DiscoveryMethod.ROBOTS_TXT, parent_url=rules_url)
    if home is not None and links["named"]:
        await scan.try_urls(links["named"], DiscoveryMethod.HTML_LINK, parent_url=home.url)
    for urls in well_known_urls(start):
        await scan.try_urls(urls, DiscoveryMethod.COMMON_PATH)
        await _try_next_parts(scan)
        if scan.found_pages:
            return error
    if home is not None and links["labelled"]:
        await scan.try_urls(links["labelled"], DiscoveryMethod.HTML_LINK, parent_url=home.url, is_hint=True)
    return error


async def _rules(home: Fetched | None, host: str, ctx: JobContext, scan: Scan) -> tuple[str, Robots]:
    """Return the URL from which the site is searched, and the rules there. Raises FetchError if they are unknown.

    Without a home page it is not known whether the site has https.
    """
    if home and _is_same_site(home.url, host):
        return home.url, await _rules_of(home.url, ctx, scan)
    try:
        return f"https://{host}/", await _rules_of(f"https://{host}/", ctx, scan)
    except FetchError as error:
        if error.code not in ("connect", "tls", "robots_unreachable"):
            raise
        return f"http://{host}/", await _rules_of(f"http://{host}/", ctx, scan)


async def _rules_of(start: str, ctx: JobContext, scan: Scan) -> Robots:
    url = urljoin(start, "/robots.txt")
    try:
        robots = await ctx.web.robots(start)
    except FetchError as error:
        scan.page_failed(url, DiscoveryMethod.ROBOTS_TXT, error)
        raise
    named, requests = len(robots.sitemaps), robots.requests
    scan.page_answered(url, DiscoveryMethod.ROBOTS_TXT, robots.status, sitemaps=named, requests=requests)
    return robots


async def _links(home: Fetched, ctx: JobContext) -> Mapping[str, Sequence[NormalUrl]]:
    """Return the links to sitemaps of the home page; none if it is too complex to be read, as the site has other places."""
    try:
        return await ctx.read_page(home)
    except (Permanent, Transient):
        return NO_LINKS


async def _home_page(host: str, ctx: JobContext, scan: Scan) -> tuple[Fetched | None, FetchError | None]:
    seconds = ctx.settings.web_request_deadline_seconds
    try:
        return await fetch_home_page(ctx.web, host, seconds_each=seconds, remaining=ctx.remaining), None
    except FetchError as error:
        redirects = ctx.settings.web_max_redirects if "redirect" in error.code else 0
        scan.page_failed(f"https://{host}/", DiscoveryMethod.HTML_LINK, error, requests=1 + redirects)
        return None, error


async def _try_next_parts(scan: Scan) -> None:
    """Try the next numbers of sitemaps found at guessed paths, as long as there are more."""
    seen: set[str] = set()
    while guessed := [
        found.url for found in scan.sitemaps if found.method is DiscoveryMethod.COMMON_PATH and found.url not in seen
    ]:
        seen.update(guessed)
        await scan.try_urls(next_parts(guessed), DiscoveryMethod.COMMON_PATH)


def _is_same_site(url: str, host: str) -> bool:
    """Return whether a redirect stayed on the domain.

    A parked domain that redirects elsewhere has no sitemaps there.
    """
    name = (urlsplit(url).hostname or "").removeprefix("www.")
    return name == host or name.endswith(f".{host}")


def _outcome(record: Sitemap, ctx: JobContext, scan: Scan, error: WorkError | None) -> Outcome:
    write = save_scan(record, scan)
    limit = scan.limit_reached
    detail = {"tried": len(scan.findings), "sitemaps": len(scan.sitemaps), "requests": scan.requests, "cut": limit}
    if scan.sitemaps:
        return Done("found_partly" if limit else "found", write=write, detail=detail)
    if limit == "time" and scan.is_unreachable:
        error = FetchFailed("timeout", f"{record.domain.domain} did not answer within the record's time")
    error = error or _wait_requested(scan) or _every_url_refused(scan) or _transient_error(scan)
    if error is None and limit == "budget":
        error = Permanent("budget_of_the_record", "no sitemap was found within the paid calls of one record")
    if error is None and limit == "time":
        reason = f"no sitemap among the {len(scan.findings)} URLs that were tried within the record's time"
        return Retry("deadline", reason, write=write, detail=detail)
    if error is None:
        return Done("no_sitemaps", write=write, detail=detail)
    outcome = outcome_of(error, ctx.settings)
    return replace(outcome, write=write, detail=detail) if isinstance(outcome, Fail | Retry) else outcome


def _wait_requested(scan: Scan) -> WorkError | None:
    """Return the error by which the host ended the scan, if it did.

    An answer to our own request takes precedence over one to another worker: only our own counts as a failure.
    """
    waits = [
        (finding.url, finding.error)
        for finding in scan.findings
        if finding.error is not None and finding.error.retry_after is not None
    ]
    if scan.limit_reached != "host" or not waits:
        return None
    url, error = min(waits, key=lambda wait: wait[1].code in NOT_REQUESTED)
    return error.with_reason(f"{url}: {error.reason}")


def _every_url_refused(scan: Scan) -> WorkError | None:
    """Return the most frequent refusal, if every URL that the site names, or every URL that was tried, was refused."""
    tried = [finding for finding in scan.findings if finding.result != NOT_TRIED]
    named = [finding for finding in tried if not finding.is_guess]
    for findings, what in ((named, "named sitemaps"), (tried, "URLs tried")):
        errors = [finding.error for finding in findings if finding.error and finding.result in BLOCKED]
        if findings and len(errors) == len(findings):
            error = _most_common(errors)
            return type(error)(error.code, f"all {len(errors)} {what} were refused ({error.code})")
    return None


def _transient_error(scan: Scan) -> WorkError | None:
    """Return the transient error of a sitemap that the site declares, or of more than half of all URLs tried."""
    errors = []
    for finding in scan.findings:
        if finding.error is not None and finding.is_transient and finding.result not in BLOCKED:
            if finding.is_kept:
                reason = f"{finding.url} is declared to be a sitemap, but: {finding.reason}"
                return type(finding.error)(finding.result, reason)
            errors.append(finding.error)
    if 2 * len(errors) <= len(scan.findings):
        return None
    error = _most_common(errors)
    return type(error)(error.code, f"{len(errors)} of {len(scan.findings)} URLs tried failed ({error.code})")


def _most_common(errors: Sequence[WorkError]) -> WorkError:
    """Return the first error with the most frequent code."""
    code = Counter(error.code for error in errors).most_common(1)[0][0]
    return next(error for error in errors if error.code == code)
