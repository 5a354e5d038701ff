"""robots.txt (RFC 9309): read once per origin and kept a while; who is not sure stays out.

4xx means no rules, 5xx and silence mean "do not come" (``robots_unreachable``, worth another try later).
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
from scrapersky.web.response import Fetched
from scrapersky.web.urls import normalise_url

Fetch = Callable[[str], Awaitable[Fetched]]

_KEPT_ORIGINS = 256
_SAME_FOR_THE_SITE = {"blocked_address", "connect", "dns", "invalid_url", "tls"}
_NOT_ASKED = {"host_busy", "host_resting", "proxy_busy", "budget_of_the_record"}
_AS_IF_ABSENT = {"bad_redirect", "too_many_redirects"}  # RFC 9309 §2.3.1.2
_AGENT_LINE = re.compile(r"\s*user(?:-|\s*)agent(?:\s*:|\s)(?P<value>.*)", re.IGNORECASE | re.DOTALL)
_BETWEEN_URLS = re.compile(r"[\s,;]{1,9}(?=https?://)", re.IGNORECASE)
_AROUND_A_URL = " \t\xa0<>\"'"
_TOKEN = re.compile(r"[a-z_-]+", re.IGNORECASE)


@dataclass(frozen=True)
class Robots:
    """One origin's rules for us. ``status`` is None where redirects led nowhere; ``sitemaps`` are absolute urls;
    ``requests`` is what reading them took, redirects included."""

    status: int | None
    sitemaps: tuple[str, ...] = ()
    crawl_delay: float = 0.0
    truncated: bool = False
    requests: int = 1
    token: str = ""
    rules: Protego | None = field(default=None, repr=False)

    def allows(self, url: str) -> bool:
        """Whether our product token may fetch ``url`` (of this origin)."""
        return self.rules is None or bool(self.rules.can_fetch(url, self.token))


class RobotsCache:
    """Every origin's :class:`Robots`, fetched by ``fetch`` once at a time and kept for a setting's time."""

    def __init__(self, settings: Settings, fetch: Fetch) -> None:
        self._settings = settings
        self._fetch = fetch
        self._known: dict[str, tuple[float, asyncio.Task[Robots]]] = {}

    async def of(self, url: str, fetch: Fetch | None = None) -> Robots:
        """The rules for ``url``'s origin, fetched by ``fetch`` if they are to be fetched now and it is given.

        Raises :class:`FetchError`, ``robots_unreachable`` among others.
        """
        origin = str(can_ada.parse(url).origin)
        now = asyncio.get_running_loop().time()
        kept = self._known.get(origin)
        if kept is None or kept[0] < now or _failed(kept[1]):
            task = asyncio.create_task(self._read(f"{origin}/robots.txt", fetch or self._fetch))
            task.add_done_callback(_failed)  # looks at the exception, or asyncio complains when nobody waits any more
            self._known.pop(origin, None)
            self._known[origin] = kept = (now + self._settings.web_robots_cache_seconds, task)
            if len(self._known) > _KEPT_ORIGINS:
                self._known.pop(next(iter(self._known)))
        return await asyncio.shield(kept[1])  # one caller's cancellation must not fail the others

    async def close(self) -> None:
        """Ends what is still being fetched."""
        tasks = [task for _, task in self._known.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, url: str, fetch: Fetch) -> Robots:
        try:
            page = await fetch(url)
        except FetchError as failure:
            if failure.code in _AS_IF_ABSENT:
                return Robots(status=None)
            if failure.code in _SAME_FOR_THE_SITE | _NOT_ASKED:
                raise
            raise FetchFailed("robots_unreachable", f"no robots.txt, so no visit: {failure.reason}") from None
        if page.status >= 500 or page.status == 429:
            raise FetchFailed("robots_unreachable", f"{url} answered {page.status}, so no visit", page.retry_after)
        if not 200 <= page.status < 300:
            return Robots(status=page.status, requests=1 + len(page.redirects))
        return parse_robots(page, self._settings)


def parse_robots(page: Fetched, settings: Settings) -> Robots:
    """The rules in a fetched robots.txt; text that is none (HTML, noise) has no rules."""
    encoding = "utf-16" if page.body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    text = page.body.decode(encoding, "replace")
    lines = text.splitlines()
    if page.truncated:
        lines = lines[:-1]  # the cut line may say the opposite of the whole one
    rules = Protego.parse("\n".join(_only_ours(lines, settings.web_user_agent_token)))
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


def _sitemap_urls(line: str, url: str) -> Iterator[str | None]:
    """The urls of a ``Sitemap:`` line of the robots.txt at ``url``: one, but some write several, in quotes, or no scheme."""
    own = str(can_ada.parse(url).hostname).removeprefix("www.")
    for part in _BETWEEN_URLS.split(line):
        reference = part.strip(_AROUND_A_URL)
        if reference.lower().startswith((f"{own}/", f"www.{own}/")):
            reference = f"//{reference}"
        yield normalise_url(reference, url) if reference else None


def _only_ours(lines: list[str], token: str) -> list[str]:
    """``lines`` with every group that is not for us under one name.

    Protego keeps each rule once per agent of its group: a hostile file of 500 KiB with 10,000 agents and as many rules
    would take gigabytes. It also reads "scraper" as a name for us, where RFC 9309 wants the whole product token.
    """
    return [_agent_line(agent["value"].strip(), token) if (agent := _agent(line)) else line for line in lines]


def _agent(line: str) -> re.Match[str] | None:
    return _AGENT_LINE.fullmatch(line.partition("#")[0])


def _agent_line(value: str, token: str) -> str:
    if value.startswith("*"):
        return "User-agent: *"
    named = _TOKEN.match(value)
    return f"User-agent: {token}" if named and named[0].lower() == token.lower() else "User-agent: -"


def _failed(task: asyncio.Task[Robots]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
