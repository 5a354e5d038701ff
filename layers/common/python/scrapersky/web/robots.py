"""robots.txt (RFC 9309): fetched once per origin and cached.

A 4xx answer means that there are no rules. After a 5xx answer, or none, the rules are unknown, and the site is not
requested (``robots_unreachable``, which is transient).
"""

import asyncio
import codecs
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import can_ada
from protego import Protego

from scrapersky.errors import FetchError, FetchFailed
from scrapersky.settings import Settings
from scrapersky.web.fetched import Fetched
from scrapersky.web.urls import NormalUrl, normalise_url

Fetch = Callable[[str], Awaitable[Fetched]]

_MAX_ORIGINS = 256
_SITE_CODES = {"blocked_address", "connect", "dns", "invalid_url", "tls"}
"""Failures that every other URL of the site would have too; they are reported unchanged."""
_NOT_SENT_CODES = {"host_busy", "host_cooldown", "proxy_busy", "budget_of_the_record", "suppressed"}
"""Failures that say nothing about robots.txt, because the request was not sent; they are reported unchanged."""
_ABSENT_CODES = {"bad_redirect", "too_many_redirects"}  # RFC 9309 §2.3.1.2
_AGENT_LINE = re.compile(r"\s*user(?:-|\s*)agent(?:\s*:|\s)(?P<value>.*)", re.IGNORECASE | re.DOTALL)
_RULE_LINE = re.compile(r"\s*(?:allow|disallow|dissallow|dissalow|disalow|diasllow|disallaw)(?:\s*:|\s)", re.IGNORECASE)
_SITEMAP_LINE = re.compile(r"\s*site-?maps?(?:\s*:|\s)", re.IGNORECASE)
_DELAY_LINE = re.compile(r"\s*crawl[- ]delay(?:\s*:|\s)", re.IGNORECASE)
_BETWEEN_URLS = re.compile(
    r"[\s,;]{1,9}(?=https?://)|(?:\\r)?(?:\\n)?sitemap:\s{0,9}(?=https?://)|\\r?\\n", re.IGNORECASE
)
_AROUND_A_URL = " \t\xa0<>\"'"
_TOKEN = re.compile(r"[a-z_-]+", re.IGNORECASE)


@dataclass(frozen=True)
class Robots:
    """The rules of one origin for our product token.

    ``status`` is None where redirects ended without an answer. ``sitemaps`` are absolute URLs. ``requests`` counts the
    requests that were needed, including redirects.
    """

    status: int | None
    sitemaps: tuple[NormalUrl, ...] = ()
    crawl_delay: float = 0.0
    truncated: bool = False
    requests: int = 1
    token: str = ""
    rules: Protego | None = field(default=None, repr=False)

    def allows(self, url: str) -> bool:
        """Return whether our product token may fetch ``url`` (of this origin)."""
        return self.rules is None or bool(self.rules.can_fetch(url, self.token))


class RobotsFailed(FetchFailed):
    """The server answered the request for robots.txt with an error: another scheme is no way round it."""


class RobotsCache:
    """The :class:`Robots` of every origin, cached for ``web_robots_cache_seconds``. Concurrent readers share one fetch."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cached: dict[str, tuple[float, asyncio.Task[Robots]]] = {}

    async def of(self, url: str, fetch: Fetch) -> Robots:
        """Return the rules of ``url``'s origin, fetched with ``fetch`` unless they are cached.

        Raises :class:`FetchError`, for example ``robots_unreachable``. A failure is not cached.
        """
        origin = str(can_ada.parse(url).origin)
        now = asyncio.get_running_loop().time()
        cached = self._cached.get(origin)
        if cached is None or cached[0] < now or _failed(cached[1]):
            task = asyncio.create_task(self._read(f"{origin}/robots.txt", fetch))
            task.add_done_callback(_failed)  # retrieves the exception: asyncio logs those that are never retrieved
            self._cached.pop(origin, None)
            self._cached[origin] = cached = (now + self._settings.web_robots_cache_seconds, task)
            if len(self._cached) > _MAX_ORIGINS:
                self._cached.pop(next(iter(self._cached)))
        return await asyncio.shield(cached[1])  # one caller's cancellation must not fail the others

    async def close(self) -> None:
        """Cancel the fetches that are running."""
        tasks = [task for _, task in self._cached.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, url: str, fetch: Fetch) -> Robots:
        try:
            page = await fetch(url)
        except FetchError as failure:
            if failure.code in _ABSENT_CODES:
                return Robots(status=None)
            if failure.code in _SITE_CODES | _NOT_SENT_CODES:
                raise
            raise FetchFailed("robots_unreachable", f"robots.txt could not be read: {failure.reason}") from None
        if page.status >= 500 or page.status == 429:
            raise RobotsFailed(
                "robots_unreachable", f"{url} answered {page.status}, so the rules are unknown", page.retry_after
            )
        if not 200 <= page.status < 300:
            return Robots(status=page.status, requests=1 + len(page.redirects))
        return parse_robots(page, self._settings)


def parse_robots(page: Fetched, settings: Settings) -> Robots:
    """Return the rules in a fetched robots.txt; other text (HTML, noise) has no rules."""
    encoding = "utf-16" if page.body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    text = page.body.decode(encoding, "replace")
    lines = text.splitlines()
    if page.truncated:
        lines = lines[:-1]  # a truncated line may mean the opposite of the whole one
    rules = Protego.parse("\n".join(_merged_groups(lines, settings.web_user_agent_token)))
    token = settings.web_user_agent_token
    found = (url for line in rules.sitemaps if "\ufffd" not in line for url in _sitemap_urls(line, page.url))
    return Robots(
        status=page.status,
        sitemaps=tuple(dict.fromkeys(url for url in found if url)),
        crawl_delay=min(rules.crawl_delay(token) or 0.0, settings.web_crawl_delay_cap_seconds),
        truncated=page.truncated,
        requests=1 + len(page.redirects),
        token=token,
        rules=rules,
    )


def _sitemap_urls(line: str, url: str) -> Iterator[NormalUrl | None]:
    """Yield the URLs of a ``Sitemap:`` line of the robots.txt at ``url``.

    Usually one; some sites write several in a line, also without the line break before the next ``Sitemap:``, in quotes,
    behind ``=``, or without a scheme.
    """
    own = str(can_ada.parse(url).hostname).removeprefix("www.")
    for part in _BETWEEN_URLS.split(line):
        reference = part.lstrip("= ").strip(_AROUND_A_URL)
        if reference.lower().startswith((f"{own}/", f"www.{own}/")):
            reference = f"//{reference}"
        yield normalise_url(reference, url) if reference else None


def _merged_groups(lines: list[str], token: str) -> Iterator[str]:
    """Yield the groups of ``lines`` that apply to us, by our product ``token`` or ``*``, and the Sitemap lines.

    Only a rule ends the agents of a group, as in Google's parser (RFC 9309 §2.2.4): other lines between them are dropped,
    and a Crawl-delay holds for the agents before it. Protego would end the group there. It also stores each rule once per
    agent of its group: a hostile file of 500 KiB with 10,000 agents and as many rules would take gigabytes. And it
    matches a prefix such as "scraper" to our token, where RFC 9309 requires the whole product token.
    """
    agents: dict[str, None] = {}
    has_rules = False
    for line in (each.partition("#")[0] for each in lines):
        if agent := _AGENT_LINE.fullmatch(line):
            agents = {} if has_rules else agents
            has_rules = False
            if ours := _agent_line(agent["value"].strip(), token):
                agents[ours] = None
        elif _SITEMAP_LINE.match(line):
            yield line
        elif agents and ((is_rule := _RULE_LINE.match(line)) or _DELAY_LINE.match(line)):
            if not has_rules:
                yield from agents
            has_rules = has_rules or is_rule is not None
            yield line
    yield from agents  # our own group allows everything if it has no rules


def _agent_line(value: str, token: str) -> str | None:
    """Return the line for a user agent that is ours or ``*``; ``*`` counts only alone (``*Name*`` is another agent)."""
    if value.split(maxsplit=1)[:1] == ["*"]:
        return "User-agent: *"
    named = _TOKEN.match(value)
    return f"User-agent: {token}" if named and named[0].lower() == token.lower() else None


def _failed(task: asyncio.Task[Robots]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
